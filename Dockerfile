# SPDX-License-Identifier: Apache-2.0
# Two images from one file: docker build --target manager . and docker build --target agent .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY agent agent
COPY controllers controllers
COPY cmd cmd
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/...

FROM scratch AS manager
COPY --from=build /out/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]

# The agent runs as root with NET_ADMIN and NET_RAW only; config/agent says so. The public authorities are for checks of real servers over TLS.
FROM scratch AS agent
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/agent /agent
ENTRYPOINT ["/agent"]
