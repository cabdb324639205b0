# The program in an image of its own:
#
#     docker build -t cpl-verify .
#     docker run --rm --user "$(id -u)" -v "$PWD:/work" cpl-verify audit weights.h5 --data images
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends curl binutils python3
COPY . /source
RUN git config --global --add safe.directory /source && /source/scripts/package /dist \
  && mkdir /program && tar -xzf /dist/cpl-verify-*.tar.gz --strip-components 1 -C /program

FROM debian:12-slim
COPY --from=build /program /usr/local
WORKDIR /work
ENTRYPOINT ["cpl-verify"]
