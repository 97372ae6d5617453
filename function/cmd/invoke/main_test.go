package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"backupportal/function/event/envelope"
)

// jobsOf has the number of jobs that each example creates. A repeated delivery creates no further job.
var jobsOf = map[string]int{
	"alb": 1, "api-gateway": 1, "cloudevent": 1, "cloudevent-batch": 2, "cloudevent-stream": 2, "direct": 1,
	"eventbridge": 1, "function-url": 1, "http-trigger": 1, "kafka": 1, "kinesis": 2, "mns-queue": 1, "mns-topic": 1,
	"mns-topic-stream": 1, "oss": 1, "pipes-kinesis": 2, "pipes-sqs": 2, "rabbitmq": 1, "rocketmq": 1, "s3": 1,
	"scheduler": 1, "scheduler-batch": 2, "sns": 1, "sqs": 2, "sqs-batch": 2, "sweep": 0, "timer": 1, "timer-batch": 2,
	"timer-submission": 1,
}

// inProject changes to the folder of the project, builds the program, and returns the path of the program.
func inProject(t *testing.T) string {
	t.Helper()
	t.Chdir("../../..")
	path := filepath.Join(t.TempDir(), "main")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", path, "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// TestEveryExampleMakesItsJobsOnce proves that each example event creates its jobs, and that a second delivery creates
// no job. The built program gets the events through the runtime API of the example's platform.
func TestEveryExampleMakesItsJobsOnce(t *testing.T) {
	program := inProject(t)
	files, err := filepath.Glob(filepath.Join(examples, "*.json"))
	if err != nil || len(files) != len(jobsOf) {
		t.Fatalf("%d examples, want %d (error %v)", len(files), len(jobsOf), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want, known := jobsOf[name]
			if !known {
				t.Fatal("add the example to jobsOf")
			}
			var out strings.Builder
			err := run(t.Context(), task{event: name, program: program, policy: "function/cmd/local/policy.yaml", times: 2}, &out)
			if err != nil || strings.Count(out.String(), "answer:\n") != 2 {
				t.Fatalf("%v\n%s", err, out.String())
			}
			_, jobs, _ := strings.Cut(out.String(), "jobs made: ")
			if got := strings.Count(jobs, "\n  job-"); got != want || !strings.HasPrefix(jobs, string(rune('0'+want))+"\n") {
				t.Errorf("%d jobs, want %d:\n%s", got, want, out.String())
			}
			if aws := strings.Contains(out.String(), "on AWS Lambda"); aws != ofLambda[name] {
				t.Errorf("on the wrong platform:\n%s", out.String())
			}
		})
	}
}

// ofLambda has the examples for AWS Lambda. The other examples are for Function Compute.
var ofLambda = map[string]bool{
	"alb": true, "api-gateway": true, "eventbridge": true, "function-url": true, "kinesis": true, "pipes-kinesis": true,
	"pipes-sqs": true, "s3": true, "scheduler": true, "scheduler-batch": true, "sns": true, "sqs": true, "sqs-batch": true,
}

// TestDocumentsListEveryExampleAndKind proves that docs/events.md has a row for each kind of event that can start a
// backup, and a link to each example. It also proves that no example contains a single quote: the command “s local”
// puts the event between single quotes of a shell.
func TestDocumentsListEveryExampleAndKind(t *testing.T) {
	t.Chdir("../../..")
	text, err := os.ReadFile("docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range jobsOf {
		if link := "[" + name + "](examples/events/" + name + ".json)"; !strings.Contains(string(text), link) {
			t.Errorf("docs/events.md has no %s", link)
		}
		if event, err := os.ReadFile(filepath.Join(examples, name+".json")); err != nil || strings.Contains(string(event), "'") {
			t.Errorf("%s: a single quote, or %v", name, err)
		}
	}
	for _, kind := range envelope.Submitting {
		if !strings.Contains(string(text), "| `"+string(kind)+"` |") {
			t.Errorf("docs/events.md has no row for the kind %s", kind)
		}
	}
}

// TestFailuresAreReported proves that the command fails if it cannot find a file or if the invocation fails, and that
// the error says why.
func TestFailuresAreReported(t *testing.T) {
	program := inProject(t)
	unserved := filepath.Join(t.TempDir(), "ses.json")
	if err := os.WriteFile(unserved, []byte(`{"Records":[{"eventSource":"aws:ses"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		task task
		want string
	}{
		"no such example":      {task{event: "timr"}, "the examples are alb, api-gateway"},
		"no such program":      {task{event: "timer", program: "no/such/program"}, "no such file"},
		"an unknown platform":  {task{event: "timer", platform: "azure"}, "use fc or lambda"},
		"an unknown fault":     {task{event: "timer", faults: "CreateBackupJob: thrott"}, "there is no fault"},
		"a failed invocation":  {task{event: unserved}, "the invocation failed"},
		"a program that exits": {task{event: "timer", policy: "no/such/policy"}, "the invocation failed"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.task.program == "" {
				c.task.program = program
			}
			if c.task.policy == "" {
				c.task.policy = "function/cmd/local/policy.yaml"
			}
			c.task.times = 1
			var out strings.Builder
			if err := run(t.Context(), c.task, &out); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q\n%s", err, c.want, out.String())
			}
		})
	}
}

// TestMakeInvoke proves that the make target invoke works with the names that the documents use.
func TestMakeInvoke(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out make, which builds the program again")
	}
	if _, err := exec.LookPath("make"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("make is missing")
		}
		t.Skip("make is missing")
	}
	for _, event := range []string{"timer", "examples/events/timer.json", "docs/examples/events/timer.json"} {
		command := exec.CommandContext(t.Context(), "make", "-s", "invoke", "EVENT="+event)
		command.Dir = "../../.."
		command.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"kind": "timer"`) || !strings.Contains(string(out), "jobs made: 1\n") {
			t.Errorf("EVENT=%s: %v\n%s", event, err, out)
		}
	}
}
