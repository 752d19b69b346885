# The portal.
#   docker build -t ai-stack-deployer .
#   --build-arg BASE_IMAGE=...   a Debian 12
#   --build-arg TESTS=1          runs the C, Lua, contract and HTTP tests on the way
#   --build-arg RELEASE=...      the name of this build at /ready, which a rollout waits for
ARG BASE_IMAGE=debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY tools/ tools/
ARG TESTS=0
RUN tools/setup.sh run && if [ "$TESTS" = 1 ]; then tools/setup.sh test-image; fi
COPY Makefile config.lua ./
COPY core/ core/
COPY scripts/ scripts/
COPY www/ www/
COPY locales/ locales/
COPY tests/ tests/
COPY docs/recipes/ docs/recipes/
RUN make BUILD=/build all && strip -o /deployer /build/deployer && /deployer --check
RUN if [ "$TESTS" = 1 ]; then \
      SKIP_SETUP=1 TEST_PATIENCE=3 make BUILD=/build test-c test-lua test-contract test-http; fi
# scripts/meta is for editors. The bill of materials must name the libraries that are linked in,
# because they have no package in the final image.
RUN mkdir -p /app && cp -r config.lua scripts www locales /app/ && rm -r /app/scripts/meta \
 && chmod -R u=rwX,go=rX /app \
 && dpkg-query -W -f "$(sh tools/sbom.sh --format)" liblua5.4-dev lua-cjson-dev >/linked

FROM ${BASE_IMAGE}
# The base is pinned by its digest; what was fixed since comes from Debian's archive.
RUN apt-get update \
 && apt-get upgrade -y \
 && apt-get install -y --no-install-recommends \
      ca-certificates libcurl4 libevent-2.1-7 libevent-pthreads-2.1-7 libsqlite3-0 libssl3 \
      libunistring2 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/*.log /var/log/apt \
      /usr/share/doc/* /usr/share/man/* /usr/share/locale/*
COPY --from=build /deployer /usr/local/bin/deployer
COPY --from=build /app/ /app/
COPY tools/sbom.sh /tmp/
COPY --from=build /linked /tmp/
ARG VERSION=dev
ARG REVISION=unknown
ARG RELEASE=dev
RUN sh /tmp/sbom.sh "$VERSION" /tmp/linked >/app/sbom.cdx.json && rm /tmp/sbom.sh /tmp/linked \
 && groupadd --system --gid 10001 deployer \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /data \
      --shell /usr/sbin/nologin deployer \
 && mkdir -m 0700 /data && chown deployer:deployer /data
LABEL org.opencontainers.image.title="AI Stack Deployer" \
      org.opencontainers.image.description="Self-service portal for AI coding workspaces" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV HOST=0.0.0.0 PORT=3000 DATA_DIR=/data SITE_DIR=/data/site NODE_ENV=production RELEASE=${RELEASE}
USER 10001:10001
WORKDIR /app
VOLUME ["/data"]
EXPOSE 3000
STOPSIGNAL SIGTERM
# Docker looks again a second after the end of a look. A rollout waits for the first good one, so it
# comes early; from then on, looks are ten seconds apart.
HEALTHCHECK --interval=1s --timeout=20s --start-period=30s --retries=3 \
  CMD [ ! -e /tmp/was-ready ] || sleep 9; \
    /usr/local/bin/deployer --health || exit 1; \
    touch /tmp/was-ready 2>/dev/null || :
# An argument runs one of scripts/commands: docker run ... IMAGE doctor
ENTRYPOINT ["/usr/local/bin/deployer", "--root", "/app"]
CMD []
