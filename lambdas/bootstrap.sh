#!/bin/sh
# AWS_LAMBDA_EXEC_WRAPPER: gets the managed runtime's command line ("$1" is its interpreter) and runs our loop instead.
# -S -s -B: no site-packages are looked for and no bytecode written: the bundle is complete and read-only.
# -c and not -m: runpy would cost 5 ms more.
exec "$1" -S -s -B -c 'import sys, os
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
from slipstream.runtime.lambda_loop import main
main()'
