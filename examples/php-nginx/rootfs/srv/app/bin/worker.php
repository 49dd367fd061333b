<?php
// Stands for a queue worker: it takes a job a second, and leaves at once when it is told to.
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () {
    fwrite(STDERR, "worker: stopping\n");
    exit(0);
});
for ($job = 1; ; $job++) {
    fwrite(STDERR, "worker: job $job done\n");
    sleep(1);
}
