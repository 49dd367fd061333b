<?php
// Who serves this page, and with which environment.
header('Content-Type: text/plain');
$user = posix_getpwuid(posix_geteuid());
printf("Hello from PHP %s as %s, pid %d\n\n", PHP_VERSION, $user['name'], getmypid());
$environment = getenv();
ksort($environment);
foreach ($environment as $name => $value) {
    echo "$name=$value\n";
}
