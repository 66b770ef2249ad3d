package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTwoNodes: what ends on one node has ended on the other within a second.
func TestTwoNodes(t *testing.T) { onBothDatabases(t, twoNodes) }

func twoNodes(t *testing.T, settings map[string]string) {
	c := newCompany(t, settings)
	c.becomeOwner()
	c.makeProject("Search")
	key := c.mintAnyKey("ci")
	beside := c.gatehouse.Beside()
	if got := c.verdict(beside, key, "indexes:query"); got != "VALID" {
		t.Fatalf("on the other node the key is %s", got)
	}
	elsewhere := c.byPassword(beside.Visitor(t), c.idp.Alice.Email, c.password)
	elsewhere.Get("/account").Want(t, http.StatusOK)

	c.owner.Open(c.gatehouse.URL + c.project + "/api-keys")
	c.owner.Click("link", "ci")
	c.owner.Click("link", "Revoke ci")
	c.owner.Fill("Type “ci” to confirm", "ci")
	c.owner.Click("button", "Revoke API key")
	withinASecond(t, func() error {
		if code := c.verdict(beside, key, "indexes:query"); code != "REVOKED" {
			return fmt.Errorf("on the other node the key is %s", code)
		}
		return nil
	})
	c.owner.See("The API key “ci” is revoked.")

	c.owner.Click("link", "Account of Alice Adams")
	c.owner.Click("button", "End all other sessions")
	withinASecond(t, func() error {
		if account := elsewhere.Get("/account"); account.Status != http.StatusSeeOther {
			return fmt.Errorf("the session is open on the other node: %s", account)
		}
		return nil
	})
	c.owner.Lacks("button", "End all other sessions")
	c.isIn(c.owner, c.idp.Alice)
}

// withinASecond is for what must hold soon after an act has been answered: a
// question that is asked more than a second later gets no other answer. How
// long the answer takes on a busy machine is no matter.
func withinASecond(t *testing.T, condition func() error) {
	t.Helper()
	act := time.Now()
	err := eventually(func() error {
		asked := time.Since(act)
		err := condition()
		if err != nil && asked > time.Second {
			t.Fatalf("asked %s later: %v", asked, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mintAnyKey makes a key with all permissions.
func (c *company) mintAnyKey(name string) string {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.project + "/api-keys/new")
	c.owner.Fill("Name", name)
	c.owner.Click("button", "Create API key")
	key := c.owner.Copyable("API key “" + name + "”")
	c.gatehouse.Secret(key)
	return key
}

// TestGracefulStop: a request that is under way when the program is told to
// end is answered, others are not begun, and it ends with code 0.
func TestGracefulStop(t *testing.T) {
	gatehouse := StartGatehouse(t, nil)
	connection, err := net.Dial("tcp", gatehouse.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	const question = `{"key":"gate_unknown"}`
	fmt.Fprintf(connection, "POST /v1/keys/verify HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		strings.TrimPrefix(gatehouse.URL, "http://"), len(question))
	reader := bufio.NewReader(connection)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answered %q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	stopped := make(chan struct{})
	go func() { defer close(stopped); gatehouse.Stop() }()
	err = eventually(func() error {
		other, err := net.Dial("tcp", gatehouse.listen)
		if err != nil {
			return nil
		}
		other.Close()
		return fmt.Errorf("new connections are still taken")
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(connection, question); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("the request under way is not answered: %v", err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "NOT_FOUND") {
		t.Errorf("answered %s %s, %v", response.Status, body, err)
	}
	<-stopped
}
