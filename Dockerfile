# The exact Node that the tests run on. To pin it to its bytes: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

# The packages that run. Their types and source maps, a third of their size, are of no use to a process.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && find node_modules -type f \( -name '*.ts' -o -name '*.[cm]ts' -o -name '*.map' \) -delete

FROM ${NODE_IMAGE} AS program
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json

# Node and the shared libraries that it is linked with: no shell, no package manager, no npm. status.d and os-release tell
# vulnerability scanners what the libraries are (as in distroless images), LICENSE is Node's; passwd and nsswitch.conf are for the C library.
FROM ${NODE_IMAGE} AS runtime
RUN mkdir -p /runtime/etc /runtime/tmp /runtime/var/lib/dpkg/status.d && chmod 1777 /runtime/tmp \
  && cp --parents -L $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /usr/local/bin/node /runtime \
  && for package in libc6 libgcc-s1 libstdc++6; do \
    dpkg-query --status $package > /runtime/var/lib/dpkg/status.d/$package \
    && cp --parents -L /usr/share/doc/$package/copyright /runtime || exit 1; \
  done \
  && cp --parents -L /etc/os-release /runtime \
  && if [ -f /usr/local/LICENSE ]; then cp --parents /usr/local/LICENSE /runtime; fi \
  && echo 'hosts: files dns' > /runtime/etc/nsswitch.conf \
  && echo 'connector:x:1000:1000::/tmp:/sbin/nologin' > /runtime/etc/passwd \
  && echo 'connector:x:1000:' > /runtime/etc/group

FROM scratch
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="analytics-connector" \
  org.opencontainers.image.description="Delivers Kafka analytics events to S3, every record in exactly one object" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=runtime /runtime /
ENV NODE_ENV=production PATH=/usr/local/bin
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=program /app/package.json ./
COPY LICENSE ./
COPY --from=program /app/dist ./dist
# A number, so that Kubernetes can prove runAsNonRoot without reading /etc/passwd. Nothing is ever written to the root filesystem.
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=TimeoutNegativeWarning", "/app/dist/bin/main.js"]
CMD ["--help"]
