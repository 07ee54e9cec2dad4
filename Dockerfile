# The operator. `make image` prepares what is copied here (config/image/prepare.ts); nothing is downloaded or run
# while it is built, and nothing but Node.js needs to be in the base: glibc and libstdc++ are enough, a shell is not used.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim
FROM ${BASE_IMAGE}

# From what changes least to what changes most, so that a new build of the sources adds one small layer.
COPY node /usr/local/bin/node
COPY app/node_modules /app/node_modules
COPY app/package.json app/LICENSE /app/
COPY app/dist /app/dist

WORKDIR /app
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
EXPOSE 3000 3001

# A young generation in which short-lived watch objects die before they are promoted, and no larger: it is memory that stays.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=8", "/app/dist/main.js"]

# Last, since they differ from build to build.
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="RunnerHub" \
      org.opencontainers.image.description="A Kubernetes operator that runs each delegated GitHub Actions job in one fresh, isolated pod" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
