#!/bin/sh
# usage: create-service.sh CLUSTER
# Fails as `aws ecs create-service` does in a new account, until 10 seconds after the first try for this cluster.
set -eu
tried="$(dirname "$0")/.terraform.tried-$1"
now=$(date +%s)
[ -e "$tried" ] || echo "$now" >"$tried"
read -r first <"$tried"
if [ $((now - first)) -ge "${DEMO_ROLE_READY_AFTER:-10}" ]; then
    rm -f "$tried"
    echo "service nginx created"
    exit 0
fi
echo "An error occurred (InvalidParameterException) when calling the CreateService operation:" \
    "Unable to assume the service linked role. Please verify that the ECS service linked role exists." >&2
exit 254
