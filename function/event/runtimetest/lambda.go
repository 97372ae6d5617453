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

// Lambda simulates the runtime API of AWS Lambda, as aws-lambda-go uses it. The fields are set
// before Start; their zero values are usable. Do, Invoke and Output are safe for concurrent use
// after Start.
type Lambda struct {
	Timeout time.Duration // timeout of the function; 0 means 30 s
	Region  string        // empty means eu-central-1

	program *program
}

// Start runs the program at path with the variables that the platform sets and with env
// (“NAME=value”), and no other variables of this process. The program ends with the test. After
// Kill, Start runs it again as a new instance.
func (l *Lambda) Start(t testing.TB, path string, env ...string) {
	t.Helper()
	a, variables := l.prepare(path, env)
	l.program = startProgram(t, a, "/2018-06-01", path, variables)
}

// Run is Start without a test: the caller calls stop at the end. The error says why the program did not start.
func (l *Lambda) Run(path string, env ...string) (stop func(), err error) {
	a, variables := l.prepare(path, env)
	if l.program, err = runProgram(a, "/2018-06-01", path, variables); err != nil {
		return nil, err
	}
	return l.program.stop, nil
}

// prepare returns the API and the variables of the program, which depend on the address of the API.
func (l *Lambda) prepare(path string, env []string) (*api, func(host string) []string) {
	l.Region = cmp.Or(l.Region, "eu-central-1")
	return newAPI(http.StatusAccepted, 1, l.Timeout, l.headers), func(host string) []string {
		return append([]string{
			"AWS_LAMBDA_RUNTIME_API=" + host,
			"AWS_REGION=" + l.Region,
			"AWS_DEFAULT_REGION=" + l.Region,
			"AWS_LAMBDA_FUNCTION_NAME=backup-portal",
			"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
			"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
			"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/backup-portal",
			"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
			"LAMBDA_TASK_ROOT=" + filepath.Dir(path),
			"_HANDLER=bootstrap",
			"AWS_ACCESS_KEY_ID=lambda-role-key",
			"AWS_SECRET_ACCESS_KEY=lambda-role-secret",
			"AWS_SESSION_TOKEN=lambda-role-token",
			"TZ=:UTC",
		}, env...)
	}
}

// headers sets the headers with which Lambda describes an invocation.
func (l *Lambda) headers(h http.Header, p pending) {
	h.Set("Lambda-Runtime-Aws-Request-Id", p.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(p.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+l.Region+":123456789012:function:backup-portal")
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
	h.Set("Content-Type", "application/json")
}

// Invoke runs one event and waits for its response.
func (l *Lambda) Invoke(ctx context.Context, event []byte) Response {
	return l.Do(ctx, Call{Event: event})
}

// Do runs one call and waits for its response.
func (l *Lambda) Do(ctx context.Context, c Call) Response { return l.program.api.do(ctx, c) }

// Kill ends the program at once. Running calls fail.
func (l *Lambda) Kill() { l.program.kill() }

// Signal sends a signal to the program, such as SIGSTOP to freeze it. Its error is
// that of [os.Process.Signal].
func (l *Lambda) Signal(sig os.Signal) error { return l.program.signal(sig) }

// Output returns what the program has written to its standard output and error.
func (l *Lambda) Output() string { return l.program.output.String() }
