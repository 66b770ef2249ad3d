package envoy

import (
	"bytes"
	"net/http"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	types "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// answer is what the handler wrote.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// identity is what the names of our own headers begin with.
const identity = "X-Gatehouse-"

// response says the answer in Envoy's words. Anything but 200 denies, also what no proxy should ever be answered.
func (a *answer) response() *auth.CheckResponse {
	switch a.status {
	case http.StatusOK:
		return a.allowed()
	case http.StatusUnauthorized:
		return a.denied(codes.Unauthenticated, types.StatusCode_Unauthorized)
	case http.StatusServiceUnavailable:
		return a.denied(codes.Unavailable, types.StatusCode_ServiceUnavailable)
	}
	return a.denied(codes.PermissionDenied, types.StatusCode_Forbidden)
}

// allowed sets every identity header that has a value on the request, in place of the client's, and takes the others away (W-21).
func (a *answer) allowed() *auth.CheckResponse {
	ok := &auth.OkHttpResponse{}
	for name, values := range a.header {
		switch {
		case !strings.HasPrefix(name, identity):
		case values[0] == "":
			ok.HeadersToRemove = append(ok.HeadersToRemove, strings.ToLower(name))
		default:
			ok.Headers = append(ok.Headers, header(name, values[0]))
		}
	}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}, HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: ok}}
}

// denied answers the client with all that the handler said.
func (a *answer) denied(code codes.Code, http types.StatusCode) *auth.CheckResponse {
	no := &auth.DeniedHttpResponse{Status: &types.HttpStatus{Code: http}, Body: a.body.String()}
	for name, values := range a.header {
		if name == "Content-Length" {
			continue // Envoy's own to say
		}
		for _, value := range values {
			if value != "" {
				no.Headers = append(no.Headers, header(name, value))
			}
		}
	}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(code)}, HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: no}}
}

func header(name, value string) *core.HeaderValueOption {
	return &core.HeaderValueOption{
		Header:       &core.HeaderValue{Key: strings.ToLower(name), Value: value},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
