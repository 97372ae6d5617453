package sam

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// complaints returns the mistakes in a template: violated rules of Lambda, SQS and EventBridge Scheduler, and of the
// portal. Each is a text; the result is nil for a correct template.
func complaints(t *testing.T, d map[string]any) (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	portal := object(d, "Resources", "Portal", "Properties")
	if portal["Handler"] != "bootstrap" || portal["Runtime"] != "provided.al2023" {
		add("the runtime provided.al2023 runs the file bootstrap")
	}
	if architectures, _ := portal["Architectures"].([]any); len(architectures) != 1 || architectures[0] != "x86_64" {
		add("make dist builds for x86_64")
	}
	timeout := number(portal["Timeout"])
	if timeout <= 30 || timeout > 900 {
		add("the time limit must be more than 30 and at most 900 seconds")
	}
	invoke := object(portal, "EventInvokeConfig")
	if retries := number(invoke["MaximumRetryAttempts"]); retries < 1 || retries > 2 {
		add("asynchronous events need 1 or 2 repeats")
	}
	if object(invoke, "DestinationConfig", "OnFailure")["Destination"] == nil {
		add("asynchronous events need a destination on failure")
	}
	size := 0
	for name, value := range object(portal, "Environment", "Variables") {
		if text, ok := value.(string); ok {
			size += len(name) + len(text)
		}
		if strings.HasPrefix(name, "AWS_") {
			add("the variable %s is reserved", name)
		}
	}
	if size > 4096 {
		add("the variables are longer than 4 KB")
	}
	for name, value := range object(portal, "Events") {
		event, _ := value.(map[string]any)
		properties := object(event, "Properties")
		if rules, _ := object(properties, "Filter", "S3Key")["Rules"].([]any); event["Type"] == "S3" &&
			(len(rules) == 0 || !strings.HasPrefix(fmt.Sprint(properties["Events"]), "s3:ObjectCreated:")) {
			add("%s: only new objects below a prefix start a backup", name)
		}
	}
	for name, value := range object(d, "Resources") {
		resource, _ := value.(map[string]any)
		properties := object(resource, "Properties")
		if resource["Type"] == "AWS::Lambda::EventSourceMapping" {
			if types, _ := properties["FunctionResponseTypes"].([]any); !slices.Contains(types, any("ReportBatchItemFailures")) {
				add("%s: without ReportBatchItemFailures Lambda deletes failed messages", name)
			}
			stream := properties["StartingPosition"] != nil
			if stream && (number(properties["MaximumRetryAttempts"]) < 1 || object(properties, "DestinationConfig", "OnFailure")["Destination"] == nil) {
				add("%s: a record that can never succeed stops its shard", name)
			}
		}
		if resource["Type"] != "AWS::Scheduler::Schedule" {
			continue
		}
		input, _ := object(properties, "Target")["Input"].(string)
		for _, wrong := range checkInput(input) {
			add("%s: %s", name, wrong)
		}
		if !scheduleExpression.MatchString(fmt.Sprint(properties["ScheduleExpression"])) {
			add("%s: %v is no rate or cron expression", name, properties["ScheduleExpression"])
		}
	}
	queue := object(d, "Resources", "Submissions", "Properties")
	if number(queue["VisibilityTimeout"]) < 6*timeout {
		add("the queue must hide a message for six times the time limit of the function")
	}
	if redrive := object(queue, "RedrivePolicy"); redrive["deadLetterTargetArn"] == nil || number(redrive["maxReceiveCount"]) < 5 {
		add("the queue needs a dead-letter queue after at least 5 deliveries")
	}
	return found
}

var scheduleExpression = regexp.MustCompile(`^(rate\(\d+ (minute|minutes|hour|hours|day|days)\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\))$`)

// contextWord matches a word in the form of a context attribute: a placeholder in the input of a schedule, which
// EventBridge Scheduler replaces.
var contextWord = regexp.MustCompile(`<[^>]*>`)

// contextWords lists the context attributes that exist (AWS documentation, “Adding context attributes”).
var contextWords = []string{"<aws.scheduler.schedule-arn>", "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>", "<aws.scheduler.attempt-number>"}

// checkInput returns the mistakes in the input of a schedule. The input is either the order to sweep, or the event of
// docs/events.md, whose id consists of the schedule's ARN and the scheduled time.
func checkInput(input string) (wrong []string) {
	if input == `{"sweep":true}` {
		return nil
	}
	for _, word := range contextWord.FindAllString(input, -1) {
		if !slices.Contains(contextWords, word) {
			wrong = append(wrong, word+" is not replaced")
		}
	}
	var e struct {
		Source, Time string
		Resources    []string
		Detail       map[string]any
	}
	if json.Unmarshal([]byte(input), &e) != nil || e.Source != "aws.scheduler" || e.Time != "<aws.scheduler.scheduled-time>" ||
		!slices.Equal(e.Resources, []string{"<aws.scheduler.schedule-arn>"}) || e.Detail["Preset"] == nil {
		wrong = append(wrong, "the input is not the event of docs/events.md")
	}
	return wrong
}

// number returns v, a value of the template, as a number. It returns 0 if v is not a whole number.
func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

func TestTemplateFollowsTheRules(t *testing.T) {
	for _, wrong := range complaints(t, readTemplate(t)) {
		t.Error(wrong)
	}
}

// TestMistakesInTheTemplateAreReported proves that complaints reports each mistake in a changed template.
func TestMistakesInTheTemplateAreReported(t *testing.T) {
	uploads := []string{"Resources", "Portal", "Properties", "Events", "Uploads", "Properties"}
	for _, c := range []struct {
		path  []string // keys that lead to the changed object
		key   string
		value any
		want  string
	}{
		{[]string{"Resources", "Portal", "Properties"}, "Handler", "main", "runs the file bootstrap"},
		{[]string{"Resources", "Portal", "Properties"}, "Architectures", []any{"arm64"}, "x86_64"},
		{[]string{"Resources", "Portal", "Properties"}, "Timeout", json.Number("3"), "time limit"},
		{[]string{"Resources", "Portal", "Properties", "EventInvokeConfig"}, "MaximumRetryAttempts", json.Number("8"), "1 or 2 repeats"},
		{[]string{"Resources", "Portal", "Properties", "EventInvokeConfig"}, "DestinationConfig", nil, "destination on failure"},
		{[]string{"Resources", "Portal", "Properties", "Environment", "Variables"}, "AWS_REGION", "x", "is reserved"},
		{[]string{"Resources", "Queue", "Properties"}, "FunctionResponseTypes", nil, "Queue: without ReportBatchItemFailures"},
		{[]string{"Resources", "Stream", "Properties"}, "MaximumRetryAttempts", nil, "stops its shard"},
		{[]string{"Resources", "Nightly", "Properties", "Target"}, "Input", `{"Preset":"nightly"}`, "not the event of docs/events.md"},
		{[]string{"Resources", "Nightly", "Properties"}, "ScheduleExpression", "cron(0 2 * * *)", "no rate or cron expression"},
		{uploads, "Filter", nil, "below a prefix"},
		{[]string{"Resources", "Submissions", "Properties"}, "VisibilityTimeout", json.Number("60"), "six times"},
		{[]string{"Resources", "Submissions", "Properties"}, "RedrivePolicy", nil, "dead-letter queue"},
	} {
		d := readTemplate(t)
		if object(d, c.path...)[c.key] = c.value; c.value == nil {
			delete(object(d, c.path...), c.key)
		}
		if found := strings.Join(complaints(t, d), "; "); !strings.Contains(found, c.want) {
			t.Errorf("%s: complaints %q, want %q", c.key, found, c.want)
		}
	}
}

// TestDocumentsShowTheInputOfTheSchedule proves that docs/events.md shows the same input of a schedule as the template.
func TestDocumentsShowTheInputOfTheSchedule(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	input, _ := object(readTemplate(t), "Resources", "Nightly", "Properties", "Target")["Input"].(string)
	if shown := strings.ReplaceAll(string(text), ",\n \"", ",\""); input == "" || !strings.Contains(shown, input) {
		t.Error("docs/events.md does not show the input of the schedule")
	}
}
