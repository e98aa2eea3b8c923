# The Action's image: the static binary, Atlas, what TLS needs, and nothing else.
#
# It runs as root unless told otherwise, because GitHub mounts Docker's socket into a container action, and that socket belongs to
# root. Where no socket is needed (`--sandbox URL`, `schemaproof publish`) any user does: docker run --user 65534:65534 …
#
# Images are arguments, so that a release pins each by digest: --build-arg RUST=rust:1.95-trixie@sha256:…
ARG RUST=rust:1.95-trixie
ARG ATLAS=arigaio/atlas:1.2.3-community

# hadolint ignore=DL3006
FROM ${ATLAS} AS atlas

# hadolint ignore=DL3006
FROM ${RUST} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /build
# `release`, or `dev` for a quick look.
ARG PROFILE=release
# A static binary for the machine that builds; C libraries come from the crates' own sources, never from the image.
ENV CARGO_NET_RETRY=10 RUSTFLAGS="-C target-feature=+crt-static" LIBZ_SYS_STATIC=1 LIBGIT2_NO_VENDOR=0 PKG_CONFIG_ALLOW_CROSS=0
# Dependencies first, with an empty program in place of ours, so that they are a layer of their own.
COPY Cargo.toml Cargo.lock ./
COPY xtask/Cargo.toml xtask/
RUN mkdir -p src xtask/src tests/suite \
 && echo 'fn main() {}' | tee src/main.rs xtask/src/main.rs tests/suite/main.rs >/dev/null && touch src/lib.rs \
 && cargo build --locked --profile "$PROFILE" --target "$(rustc -vV | sed -n 's/^host: //p')" --package schemaproof
COPY src src
# What `schemaproof init` writes.
COPY .github/workflows/schema-check.yml .github/workflows/
RUN find src -type f -exec touch {} + \
 && target=$(rustc -vV | sed -n 's/^host: //p') \
 && cargo build --locked --profile "$PROFILE" --target "$target" --package schemaproof --bin schemaproof \
 && mkdir -p /image/usr/local/bin /image/etc/ssl/certs /image/tmp && chmod 1777 /image/tmp \
 && install -m 755 target/"$target"/*/schemaproof /image/usr/local/bin/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && printf 'root:x:0:0:root:/:/none\nnobody:x:65534:65534:nobody:/:/none\n' >/image/etc/passwd \
 && printf 'root:x:0:\nnogroup:x:65534:\n' >/image/etc/group \
 && printf 'hosts: files dns\n' >/image/etc/nsswitch.conf
COPY --from=atlas /atlas /image/usr/local/bin/atlas

FROM scratch
LABEL org.opencontainers.image.title="schemaproof" \
      org.opencontainers.image.description="Plans, proves and reviews SQL schema changes in pull requests" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
ENV PATH=/usr/local/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENTRYPOINT ["schemaproof"]
CMD ["ci"]
