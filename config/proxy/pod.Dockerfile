# The image of the jobs' pods: the official runner, and the tools of your jobs. The operator brings all else, and sets
# the command. Without tools of your own the official image serves as it is.
#   docker build --file config/proxy/pod.Dockerfile --tag images.example.com/runnerhub-jobs:2.336.0 config/proxy

# The proxies must have the same version.
ARG RUNNER_IMAGE=ghcr.io/actions/actions-runner:2.336.0
FROM ${RUNNER_IMAGE}

USER root
RUN ["bash", "-ec", "apt-get update; apt-get install --yes --no-install-recommends build-essential; rm -rf /var/lib/apt/lists/*"]
# The job's user writes to the folder of the runner.
USER 1001:1001
WORKDIR /home/runner
