import subprocess
subprocess.run(["pgrep", "-f", "s6-supervise web"])
