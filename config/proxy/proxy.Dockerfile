# A proxy runner: the official runner with runnerhub-worker in place of its Worker. Build it in a clone, after
# `make runnerhub-worker`, with the folder `build` as the context:
#   docker build --file config/proxy/proxy.Dockerfile --tag images.example.com/runnerhub-proxy:2.336.0 build
# It needs RUNNER_URL (of the repository or organisation), RUNNER_TOKEN (a registration token), and the settings of
# runnerhub-worker: RUNNERHUB_URL, RUNNERHUB_TOKEN_FILE and so on.

# The pods of the pool must have the same version.
ARG RUNNER_IMAGE=ghcr.io/actions/actions-runner:2.336.0
FROM ${RUNNER_IMAGE}

COPY --chown=1001:1001 runnerhub-worker.cjs /home/runner/
RUN ["/home/runner/externals/node20/bin/node", "/home/runner/runnerhub-worker.cjs", "install", "/home/runner"]

WORKDIR /home/runner
# A registration token works for an hour, and jobs need not see it.
CMD ["bash", "-ec", "./config.sh --unattended --disableupdate --replace --url \"$RUNNER_URL\" --token \"$RUNNER_TOKEN\" --name \"${RUNNER_NAME:-$HOSTNAME}\" --labels \"${RUNNER_LABELS:-runnerhub}\"; unset RUNNER_TOKEN; exec ./run.sh"]
