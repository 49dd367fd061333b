<?php
// Stands for the schema migrations of an application: once per boot, before the worker starts.
fwrite(STDERR, "migrations: the schema is up to date\n");
