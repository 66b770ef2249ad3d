package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/client"
)

// An API whose routes ask for a permission each.
func ExampleClient_Middleware() {
	gatehouse, key := exampleSite()
	defer gatehouse.Close()

	keys, err := client.New(client.Options{URL: gatehouse.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /query", keys.Middleware("indexes:query")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := client.From(r.Context())
		fmt.Fprintf(w, "three matches for %s", caller.Name)
	})))
	mux.Handle("POST /indexes", keys.Middleware("indexes:create")(http.NotFoundHandler()))

	for _, path := range []string{"/query", "/indexes"} {
		request := httptest.NewRequest("POST", path, nil)
		request.Header.Set("Authorization", "Bearer "+key)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 three matches for ci
	// 403 {"title":"Forbidden","status":403,"code":"FORBIDDEN","detail":"This API key may not do indexes:create.","missing_permission":"indexes:create"}
}

// The permission follows from the request. What is not in the table is refused.
func ExampleClient_MiddlewareFunc() {
	gatehouse, key := exampleSite()
	defer gatehouse.Close()

	keys, err := client.New(client.Options{URL: gatehouse.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	permissions := map[string]string{"/query": "indexes:query", "/vectors/upsert": "indexes:add"}
	protected := keys.MiddlewareFunc(func(r *http.Request) string { return permissions[r.URL.Path] })
	api := protected(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") }))

	for _, path := range []string{"/query", "/vectors/upsert", "/forgotten"} {
		request := httptest.NewRequest("POST", path, nil)
		request.Header.Set("Api-Key", key)
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		fmt.Println(path, answer.Code)
	}
	// Output:
	// /query 200
	// /vectors/upsert 403
	// /forgotten 403
}

// A check without HTTP: of a message from a queue, of a gRPC call.
func ExampleClient_Check() {
	gatehouse, key := exampleSite()
	defer gatehouse.Close()

	keys, err := client.New(client.Options{URL: gatehouse.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	mistyped := strings.ToUpper(key)
	for _, presented := range []string{key, mistyped} {
		result, err := keys.Check(context.Background(), presented, "indexes:query")
		var unavailable *client.Unavailable
		switch {
		case errors.As(err, &unavailable):
			fmt.Println("no decision, so nobody is let through")
		case !result.Valid:
			fmt.Println("refused:", result.Code)
		default:
			fmt.Println(result.Name, "may also write:", result.Has("indexes:add"))
		}
	}
	// Output:
	// ci may also write: false
	// refused: NOT_FOUND
}

// exampleSite is a Gatehouse with a key that may read data.
func exampleSite() (*site, string) {
	gatehouse, err := startSite()
	if err != nil {
		panic(err)
	}
	_, key, err := gatehouse.key("ci", nil, access.DataPlaneViewer)
	if err != nil {
		panic(err)
	}
	return gatehouse, key
}
