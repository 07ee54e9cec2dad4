# The operator. `docker build .` makes it from a clone, with nothing but an engine and its registries.
# `make image` does that where a Docker engine answers. Where none does, it prepares the same files on this machine and
# hands them in as a build context that stands in for the stage `prepared`: see docs/adr/0013.

# Brings npm and, on platforms for which npm has no pinned Node.js, the Node.js of the image.
ARG BUILD_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
# Any Debian or the like: Node.js needs glibc and libstdc++, and nothing needs a shell. The cluster that is built here
# gives its own, of Debian's packages.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY . .
# The pinned Node.js and the compiler are packages.
ENV PATH=/source/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN ["node", "config/image/prepare.ts", "/prepared"]

# All that the image has besides its base.
FROM scratch AS prepared
COPY --from=build /prepared /

FROM ${BASE_IMAGE}

# From what changes least to what changes most, so that a new build of the sources adds one small layer.
COPY --from=prepared node /usr/local/bin/node
COPY --from=prepared app /app
COPY --from=prepared kubectl-runnerhub /usr/local/bin/kubectl-runnerhub

WORKDIR /app
# One arena, and a fixed size from which freed memory goes back to the system, which glibc would raise by itself.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
EXPOSE 3000 3001

# A young generation in which short-lived watch objects die before they are promoted, and no larger: it is memory that stays.
# What starting leaves behind is given back (giveBackMemory in src/main.ts).
ENTRYPOINT ["/usr/local/bin/node", "--expose-gc", "--max-semi-space-size=8", "/app/dist/main.js"]

# Last, since they differ from build to build.
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="RunnerHub" \
      org.opencontainers.image.description="A Kubernetes operator that runs each delegated GitHub Actions job in one fresh, isolated pod" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
