db
