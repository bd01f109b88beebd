#!/bin/sh
# Handler under the AWS Lambda Web Adapter: the threaded WSGI host, which the adapter finds on AWS_LWA_PORT.
exec python3 -S -s -B -c 'import sys, os
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
from slipstream.runtime.serve import main
sys.exit(main(["--port", os.environ["AWS_LWA_PORT"], "--behind-web-adapter"]))'
