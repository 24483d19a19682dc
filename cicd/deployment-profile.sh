#!/bin/sh
# Prints the profile with which a build becomes the deployment role of its environment: an AWS configuration file.
set -eu
cat <<PROFILE
[profile deployment]
role_arn = ${DEPLOYMENT_ROLE:?the environment\'s deployment role}
external_id = ${EXTERNAL_ID:?what the role asks for}
credential_source = EcsContainer
role_session_name = pipeline
duration_seconds = 3600
region = ${AWS_REGION:?}
PROFILE
