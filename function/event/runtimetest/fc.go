package runtimetest

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// FC simulates the runtime API of Function Compute for the built-in runtime go1, as
// fc-runtime-go-sdk uses it. The fields are set before Start; their zero values are usable. Do,
// Invoke, Peak and Output are safe for concurrent use after Start.
type FC struct {
	Concurrency int           // calls at the same time; 0 means 1, as for go1
	Timeout     time.Duration // timeout of the function; 0 means 30 s
	Region      string        // empty means cn-hangzhou
	AccountID   string        // empty means 1000000000000001

	// Credentials are sent with every invocation. Zero means that the function has no role.
	Credentials Credentials

	program *program
}

// Credentials are temporary credentials as the platform sends them.
type Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken string }

// Start runs the program at path with the variables that the platform sets and with env
// (“NAME=value”), and no other variables of this process. The program ends with the test. After
// Kill, Start runs it again as a new instance.
func (f *FC) Start(t testing.TB, path string, env ...string) {
	t.Helper()
	a, variables := f.prepare(path, env)
	f.program = startProgram(t, a, "/2020-11-11", path, variables)
}

// Run is Start without a test: the caller calls stop at the end. The error says why the program did not start.
func (f *FC) Run(path string, env ...string) (stop func(), err error) {
	a, variables := f.prepare(path, env)
	if f.program, err = runProgram(a, "/2020-11-11", path, variables); err != nil {
		return nil, err
	}
	return f.program.stop, nil
}

// prepare returns the API and the variables of the program, which depend on the address of the API.
func (f *FC) prepare(path string, env []string) (*api, func(host string) []string) {
	f.Region = cmp.Or(f.Region, "cn-hangzhou")
	f.AccountID = cmp.Or(f.AccountID, "1000000000000001")
	return newAPI(http.StatusOK, f.Concurrency, f.Timeout, f.headers), func(host string) []string {
		return append([]string{
			"FC_RUNTIME_API=" + host,
			"FC_FUNC_CODE_PATH=" + filepath.Dir(path),
			"FC_ACCOUNT_ID=" + f.AccountID,
			"FC_REGION=" + f.Region,
			"FC_FUNCTION_NAME=backup-portal",
			"FC_FUNCTION_HANDLER=" + filepath.Base(path),
			"FC_FUNCTION_MEMORY_SIZE=128",
			"FC_INSTANCE_ID=c-00000001",
			"FC_CUSTOM_LISTEN_PORT=9000", // set for go1 too
			"FC_VER_ID=LATEST",
			"FC_FUNCTION_VERSION=LATEST",
			"ALIBABA_CLOUD_ACCESS_KEY_ID=" + f.Credentials.AccessKeyID,
			"ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + f.Credentials.AccessKeySecret,
			"ALIBABA_CLOUD_SECURITY_TOKEN=" + f.Credentials.SecurityToken,
		}, env...)
	}
}

// headers sets all headers of an invocation that the platform documents.
func (f *FC) headers(h http.Header, p pending) {
	for name, value := range map[string]string{
		"x-fc-request-id":         p.RequestID,
		"x-fc-function-deadline":  strconv.FormatInt(p.deadline.UnixMilli(), 10),
		"x-fc-function-timeout":   strconv.Itoa(max(int(f.program.api.timeout.Seconds()), 1)),
		"x-fc-function-type":      "0",
		"x-fc-function-name":      "backup-portal",
		"x-fc-function-handler":   "main",
		"x-fc-function-memory":    "128",
		"x-fc-access-key-id":      f.Credentials.AccessKeyID,
		"x-fc-access-key-secret":  f.Credentials.AccessKeySecret,
		"x-fc-security-token":     f.Credentials.SecurityToken,
		"x-fc-region":             f.Region,
		"x-fc-account-id":         f.AccountID,
		"x-fc-qualifier":          "LATEST",
		"x-fc-version-id":         "LATEST",
		"x-fc-service-name":       "",
		"x-fc-service-logproject": "backup-portal",
		"x-fc-service-logstore":   "function",
	} {
		h.Set(name, value)
	}
	if p.RetryCount > 0 {
		h.Set("x-fc-retry-count", strconv.Itoa(p.RetryCount))
	}
	h.Set("Content-Type", "application/octet-stream")
}

// Invoke runs one event and waits for its response.
func (f *FC) Invoke(ctx context.Context, event []byte) Response {
	return f.Do(ctx, Call{Event: event})
}

// Do runs one call and waits for its response.
func (f *FC) Do(ctx context.Context, c Call) Response { return f.program.api.do(ctx, c) }

// Kill ends the program at once. Running calls fail.
func (f *FC) Kill() { f.program.kill() }

// Ended returns the state of the ended program, with the processor time and the memory that it
// used. It is nil before Kill.
func (f *FC) Ended() *os.ProcessState { return f.program.cmd.ProcessState }

// PID returns the process id of the program.
func (f *FC) PID() int { return f.program.cmd.Process.Pid }

// Signal sends a signal to the program, such as SIGSTOP to freeze it. Its error is
// that of [os.Process.Signal].
func (f *FC) Signal(sig os.Signal) error { return f.program.signal(sig) }

// Output returns what the program has written to its standard output and error.
func (f *FC) Output() string { return f.program.output.String() }

// Peak returns the largest number of calls that ran at the same time.
func (f *FC) Peak() int {
	a := f.program.api
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peak
}
