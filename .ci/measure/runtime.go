package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The key pair of the emulator's demo user, which the function's role has.
const (
	keyID     = "demo-portal-key"
	keySecret = "demo-portal-secret"
)

// A program is a program that is measured behind a runtime API.
type program struct {
	name   string
	path   string
	env    []string
	status int           // HTTP status of the expected answer
	event  func() []byte // returns the event of the next request
}

// String returns the name of the program.
func (p program) String() string { return p.name }

// An instance is a running program with the runtime API that it asks for events. The platform's
// protocol: GET next waits for an event, and POST response or POST error answers it.
type instance struct {
	program
	cmd    *exec.Cmd
	server *http.Server
	events chan call
	ended  chan struct{} // closed after the process has ended
	output bytes.Buffer  // output of the process, complete after the process has ended

	mu      sync.Mutex
	waiting map[string]chan answer // running calls that wait for an answer, by id
}

// A call is an event that waits for the program, with its id.
type call struct {
	id    string
	event []byte
}

// An answer is what the program has answered to a call.
type answer struct {
	body   []byte
	failed bool // it is an error
}

// callIDs counts the calls of all instances.
var callIDs atomic.Int64

// start starts the program. The caller calls kill.
func (p program) start() (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &instance{program: p, events: make(chan call), ended: make(chan struct{}), waiting: map[string]chan answer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2020-11-11/runtime/invocation/next", i.next)
	mux.HandleFunc("POST /2020-11-11/runtime/invocation/{id}/{kind}", i.answered)
	i.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(listener) }() // ends with Close
	i.cmd = exec.Command(p.path)
	i.cmd.Stdout, i.cmd.Stderr = &i.output, &i.output
	i.cmd.Env = append([]string{
		"FC_RUNTIME_API=" + listener.Addr().String(),
		"FC_FUNC_CODE_PATH=" + filepath.Dir(p.path),
		"FC_ACCOUNT_ID=1000000000000001",
		"FC_REGION=cn-hangzhou",
		"FC_FUNCTION_NAME=backup-portal",
		"FC_FUNCTION_HANDLER=main",
		"FC_FUNCTION_MEMORY_SIZE=256",
		"FC_INSTANCE_ID=c-00000001",
	}, p.env...)
	if err := i.cmd.Start(); err != nil {
		return nil, errors.Join(err, i.server.Close())
	}
	go func() {
		_ = i.cmd.Wait() // the error says that it was killed
		close(i.ended)
	}()
	return i, nil
}

// next answers with the next event.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case c := <-i.events:
		for name, value := range map[string]string{
			"x-fc-request-id":        c.id,
			"x-fc-function-deadline": strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10),
			"x-fc-function-timeout":  "60",
			"x-fc-function-type":     "0",
			"x-fc-function-name":     "backup-portal",
			"x-fc-function-handler":  "main",
			"x-fc-function-memory":   "256",
			"x-fc-access-key-id":     keyID,
			"x-fc-access-key-secret": keySecret,
			"x-fc-security-token":    "",
			"x-fc-region":            "cn-hangzhou",
			"x-fc-account-id":        "1000000000000001",
		} {
			w.Header().Set(name, value)
		}
		_, _ = w.Write(c.event) // a lost event is a call without an answer
	case <-r.Context().Done():
	}
}

// answered passes the answer to the call that waits for it.
func (i *instance) answered(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	i.mu.Lock()
	waiting := i.waiting[r.PathValue("id")]
	delete(i.waiting, r.PathValue("id"))
	i.mu.Unlock()
	if err != nil || waiting == nil {
		http.Error(w, "unknown call", http.StatusBadRequest)
		return
	}
	waiting <- answer{body, r.PathValue("kind") != "response"}
}

// ask sends the next request and waits for its answer. It is an error if the answer does not have
// the expected status.
func (i *instance) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := call{fmt.Sprint("measure-", callIDs.Add(1)), i.event()}
	waiting := make(chan answer, 1)
	i.mu.Lock()
	i.waiting[c.id] = waiting
	i.mu.Unlock()
	select {
	case i.events <- c:
	case <-i.ended:
		return fmt.Errorf("%s ended: %s", i.name, &i.output)
	case <-ctx.Done():
		return fmt.Errorf("%s asks for no event: %w", i.name, ctx.Err())
	}
	select {
	case a := <-waiting:
		var got struct {
			StatusCode int `json:"statusCode"`
		}
		if err := json.Unmarshal(a.body, &got); a.failed || err != nil || got.StatusCode != i.status {
			return fmt.Errorf("%s answered %s, want status %d", i.name, a.body, i.status)
		}
		return nil
	case <-i.ended:
		return fmt.Errorf("%s ended: %s", i.name, &i.output)
	case <-ctx.Done():
		return fmt.Errorf("%s does not answer: %w", i.name, ctx.Err())
	}
}

// kill ends the process without a warning, as the platform does, and its runtime API.
func (i *instance) kill() {
	_ = i.cmd.Process.Kill() // it may have ended
	<-i.ended
	_ = i.server.Close() // its listener is closed in any case
}

// used returns the user and system time of the process after its end.
func (i *instance) used() time.Duration {
	return i.cmd.ProcessState.UserTime() + i.cmd.ProcessState.SystemTime()
}

// processorTime returns the user and system time of the running process, in steps of 10 ms.
func (i *instance) processorTime() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name of the program is in parentheses
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", i.cmd.Process.Pid, len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// peakMemory returns the largest resident memory of the running process so far, in MiB.
func (i *instance) peakMemory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmHWM", i.cmd.Process.Pid)
	}
	kib, err := strconv.Atoi(fields[0])
	return float64(kib) / 1024, err
}

// page returns the event of a request for a page.
func page(path string) func() []byte { return func() []byte { return httpEvent("GET", path, "", nil) } }

// submissions counts the submissions of this run, so that each has a key of its own.
var submissions atomic.Int64

// submission returns the event of a request that starts a backup of a whole instance.
func submission() []byte {
	key := fmt.Sprint("measure-", os.Getpid(), "-", submissions.Add(1))
	body := `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7,"JobName":"` + key + `"}`
	return httpEvent("POST", "/api/v1/backup-jobs", body, map[string]string{"Content-Type": "application/json", "Idempotency-Key": key})
}

// httpEvent returns the event that the platform makes of an HTTP request.
func httpEvent(method, path, body string, headers map[string]string) []byte {
	all := map[string]string{"Host": "backup.example.com", "User-Agent": "measure", "Accept": "*/*"}
	for name, value := range headers {
		all[name] = value
	}
	now := time.Now().UTC()
	event, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": path, "body": body, "isBase64Encoded": false, "headers": all,
		"queryParameters": map[string]string{},
		"requestContext": map[string]any{
			"accountId": "1000000000000001", "domainName": "backup.example.com", "domainPrefix": "backup", "requestId": "",
			"time": now.Format(time.RFC3339), "timeEpoch": strconv.FormatInt(now.UnixMilli(), 10),
			"http": map[string]string{
				"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "measure",
			},
		},
	})
	if err != nil {
		panic(err) // texts only
	}
	return event
}
