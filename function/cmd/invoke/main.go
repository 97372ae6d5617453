// Command invoke runs one event in the built program without Docker.
//
// It starts the program behind a runtime API, as Function Compute or AWS Lambda does, with an emulator of the cloud
// and the demo policy. It prints the answer of the function, and the jobs that the function created in the emulator.
// After the event of a batch it sends the event of the sweep, which starts the items. On a platform, a timer sends it.
// It never contacts Alibaba Cloud or AWS.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
	"backupportal/function/event/runtimetest"
)

// examples is the folder of the example events, relative to the folder of the project.
const examples = "docs/examples/events"

// A task has the values of the command line.
type task struct {
	event    string // path of a file, or name of an example; see readEvent
	program  string // path of the built program
	policy   string // path of the policy
	platform string // “fc” or “lambda”; empty: platformOf decides by the event
	faults   string // schedule of faults of the emulator; empty: none
	times    int    // how many times the event is delivered
	verbose  bool   // print the log of the program also if no invocation failed
}

func main() {
	var t task
	flag.StringVar(&t.program, "program", "dist/main", "path of the built program")
	flag.StringVar(&t.policy, "policy", "function/cmd/local/policy.yaml", "path of the policy")
	flag.StringVar(&t.platform, "platform", "", "fc or lambda; empty: decided by the event")
	flag.StringVar(&t.faults, "faults", "", "faults of the emulator, such as 'CreateBackupJob: throttle' (docs/emulator.md)")
	flag.IntVar(&t.times, "times", 1, "how many times the event is delivered")
	flag.BoolVar(&t.verbose, "v", false, "print the log of the program")
	flag.Parse()
	if flag.NArg() != 1 || t.times < 1 || t.times > 100 {
		fmt.Fprintf(os.Stderr, "usage: invoke [flags] EVENT: a file, or the name of an example in %s; -times is at most 100\n", examples)
		os.Exit(2)
	}
	t.event = flag.Arg(0)
	if err := run(context.Background(), t, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "invoke:", err)
		os.Exit(1)
	}
}

// run delivers the event t.times times, and writes the answers and the created jobs to out. If the last invocation
// failed, run also writes the log of the program, and returns an error.
func run(ctx context.Context, t task, out io.Writer) (err error) {
	path, event, err := readEvent(t.event)
	if err != nil {
		return err
	}
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	if err := cloud.SetFaults(t.faults); err != nil {
		return fmt.Errorf("-faults: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: cloud, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer server.Close()
	folder, err := os.MkdirTemp("", "backup-portal-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	policy, err := filepath.Abs(t.policy)
	if err != nil {
		return err
	}
	f, name, stop, err := start(t.platform, event, t.program, []string{
		"CLOUD_ENDPOINT=http://" + listener.Addr().String(),
		"POLICY_FILE=" + policy,
		"AUTH_MODE=demo",
		"ALLOW_EPHEMERAL_STORE=1", // the database ends with the program
		"TMPDIR=" + folder,
	})
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(out, "event %s on %s\n", path, name)
	var failed error
	for n := range t.times {
		res := f.Do(ctx, runtimetest.Call{Event: event, RequestID: "invoke-request-id", RetryCount: n})
		failed = printResult(out, res)
	}
	if failed == nil && startsBatch(event) {
		failed = sweep(ctx, f)
	}
	printJobs(out, cloud.Ledger())
	if t.verbose || failed != nil {
		fmt.Fprintf(out, "log:\n%s", f.Output())
	}
	return failed
}

// A function is the running program behind the runtime API of its platform.
type function interface {
	Do(ctx context.Context, c runtimetest.Call) runtimetest.Response
	Output() string
}

// start starts the program on a platform, with the access key of the emulator's demo user. If platform is empty, the
// event decides. name is the name of the platform for people. stop ends the program.
func start(platform string, event []byte, program string, env []string) (f function, name string, stop func(), err error) {
	if platform == "" {
		platform = platformOf(event)
	}
	switch platform {
	case "fc":
		fc := &runtimetest.FC{Credentials: runtimetest.Credentials{AccessKeyID: world.DemoKey, AccessKeySecret: world.DemoSecret}}
		stop, err = fc.Run(program, env...)
		return fc, "Function Compute", stop, err
	case "lambda":
		l := &runtimetest.Lambda{}
		stop, err = l.Run(program, append(env, "ALIBABA_CLOUD_ACCESS_KEY_ID="+world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+world.DemoSecret)...)
		return l, "AWS Lambda", stop, err
	}
	return nil, "", nil, fmt.Errorf("-platform %q is unknown: use fc or lambda", platform)
}

// ofBatch matches the name of a member that only batches have, also in the text of a message.
var ofBatch = regexp.MustCompile(`"(Targets|Tag)\\?" *:`)

// startsBatch reports whether an event, or a message in it, requests a batch.
func startsBatch(event []byte) bool { return ofBatch.Match(event) }

// sweep delivers the event of the sweep. The error is that of the function.
func sweep(ctx context.Context, f function) error {
	res := f.Do(ctx, runtimetest.Call{Event: []byte(`{"sweep":true}`), RequestID: "invoke-sweep-id"})
	if res.Failed() {
		return fmt.Errorf("the sweep failed with %s: %s", res.ErrorType, res.ErrorMessage)
	}
	return nil
}

// ofAWS matches texts that only events of AWS contain: an ARN, a source or a detail-type of AWS, and members of
// Lambda's HTTP events.
var ofAWS = regexp.MustCompile(`"(arn:aws|aws[:.])|"detail-type"|"httpMethod"|"version": *"(1|2)\.0"`)

// platformOf returns the platform that sends events of this kind: “lambda” for an event of AWS, otherwise “fc”.
func platformOf(event []byte) string {
	if ofAWS.Match(event) {
		return "lambda"
	}
	return "fc"
}

// readEvent reads an event. name is a path, a path below docs/, or the name of an example with or without .json. path
// is the path of the file that was read. If there is no such file, the error lists the examples.
func readEvent(name string) (path string, event []byte, err error) {
	for _, path := range []string{name, filepath.Join("docs", name), filepath.Join(examples, name+".json"), filepath.Join(examples, name)} {
		event, err := os.ReadFile(path)
		if err == nil {
			return path, event, nil
		}
		if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
			return "", nil, err
		}
	}
	var names []string
	files, _ := filepath.Glob(filepath.Join(examples, "*.json")) // the pattern is valid
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return "", nil, fmt.Errorf("there is no file or example %q: the examples are %s", name, strings.Join(names, ", "))
}

// printResult writes the result of one invocation to out. It returns an error if the invocation failed.
func printResult(out io.Writer, res runtimetest.Response) error {
	if res.Failed() {
		fmt.Fprintf(out, "the invocation failed with %s: %s\n", res.ErrorType, res.ErrorMessage)
		return errors.New("the invocation failed: the platform would deliver the event again")
	}
	var text bytes.Buffer
	if json.Indent(&text, res.Body, "", "  ") != nil {
		text.Write(res.Body)
	}
	fmt.Fprintf(out, "answer:\n%s\n", text.String())
	return nil
}

// printJobs writes the jobs that the function created in the emulator to out.
func printJobs(out io.Writer, l emulator.Ledger) {
	fmt.Fprintf(out, "jobs made: %d\n", len(l.Jobs))
	for _, job := range l.Jobs {
		fmt.Fprintf(out, "  %s %s %s in %s, account %s\n", job.ID, job.SourceType, job.InstanceID, job.Region, job.AccountID)
	}
}
