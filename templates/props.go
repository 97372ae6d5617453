package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/policy"
)

// Shell is what every page shows around its content.
type Shell struct {
	Path      string // of the page, without query
	Query     string // of the page, raw; comes back after a change of language
	User      string // who is signed in; empty shows no navigation
	Demo      bool   // nothing here reaches the real cloud
	Disabled  bool   // the policy has new backups switched off
	Ephemeral bool   // the store is one that forgets
	CSS, JS   string // addresses of the assets
	Picker    string // address of the script for lists to choose from
	Icon      string
	API       string // address of the API reference; empty shows no link
	SignOut   string // where the form to sign out goes; empty shows none
	Now       time.Time
	Zone      *time.Location // in which times are shown; nil means UTC
}

// Values are the values of a form's controls as they were typed, by control
// name: fields by their own names, rows as "SpeedLimit.0.start", and the
// controls that only show or hide others as "choice.SpeedLimit".
type Values map[string]string

// Rows counts the rows of a field, such as SpeedLimit: one more than the
// highest row of which any control is there.
func (v Values) Rows(field string) int {
	rows := 0
	for name := range v {
		rest, ok := strings.CutPrefix(name, field+".")
		number, _, found := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); ok && found && err == nil && n >= rows && n < MaxRows(field) {
			rows = n + 1
		}
	}
	return rows
}

// MaxRows is how many rows the form of a field has at most: with more of
// them a form would have over 100 controls. 0 means that it has none.
func MaxRows(field string) int {
	switch field {
	case "SpeedLimit":
		return 12
	case "ContainerResources":
		return 8
	}
	return 0
}

// RowControls are the names of the controls in one row of a field, in order.
func RowControls(field string) []string {
	switch field {
	case "SpeedLimit":
		return []string{"start", "end", "bandwidth", "unit"}
	case "ContainerResources":
		return []string{
			"namespace",
			"pvc_name",
			"pv_name",
			"resourceId",
			"pv_size",
			"storage_class",
			"host",
			"hostPrefix",
			"pvPath",
		}
	}
	return nil
}

// RowControl is the name of one control in a row.
func RowControl(field string, row int, control string) string {
	return fmt.Sprintf("%s.%d.%s", field, row, control)
}

// ControlID is the id of the control called name.
func ControlID(name string) string { return "f-" + strings.ReplaceAll(name, ".", "-") }

// FormPage is the form for one kind of backup.
type FormPage struct {
	Shell
	Source   param.SourceType
	Key      string // of the submission that the form becomes
	Values   Values
	Mistakes []param.Mistake  // in the order of the form; also refusals of the policy
	Accounts []backup.Account // that may be chosen, each with its regions
	Offer    policy.Offer
	Strange  []string // names in the link that mean nothing here
	Focus    string   // name of the control that gets the focus, if not the error summary
	Section  string   // id of the section to which the page jumps back, if any
}

// A Hidden is one input of the check page that carries the form along.
type Hidden struct{ Name, Value string }

// CheckPage shows everything once more, and the exact call.
type CheckPage struct {
	Shell
	Call     backup.Call // JobName is the whole name as it is sent
	Values   Values      // for questions that have no parameter of their own
	Hidden   []Hidden
	Previews []backup.Preview
}

// ChoosePage offers the kinds of backup.
type ChoosePage struct {
	Shell
	Offered map[param.SourceType]bool // by some rule of the policy
}

// A Row is one submission in a list.
type Row struct {
	Record backup.Record
	State  backup.State

	AccountLabel param.Text // empty: the alias is shown
}

// StartPage is what one may do, and one's last backups.
type StartPage struct {
	Shell
	Rows  []Row
	Rules []policy.Rule
}

// HistoryPage lists submissions, newest first.
type HistoryPage struct {
	Shell
	Rows         []Row
	Newer, Older string            // addresses of the neighbouring pages; empty means none
	Filters      map[string]string // what the list is narrowed by, as it was given
	Mistakes     []param.Mistake   // what is wrong with that; then there are no rows
	Accounts     []backup.Account  // to choose from; without any nobody may start anything
}

// StatusPage follows one submission to its end.
type StatusPage struct {
	Shell
	Row
	Account     backup.Account
	Means, Todo param.Text    // what the cloud's code means, and what can be done; empty if there is none
	Denied      []string      // why the policy refused it, in the reader's language
	Auto        bool          // reloads by itself every ten seconds
	Late        bool          // somebody just wanted to cancel it
	Every       time.Duration // until the script looks again
	MayCancel   bool          // by the policy
}

// CancelPage asks whether a job is really to be cancelled.
type CancelPage struct {
	Shell
	Row
}

// A Problem is a page that says what went wrong, and what it means for the
// backup.
type Problem struct {
	Shell
	Status    int
	Title     param.Text
	Lines     []string // already in the reader's language
	Link      string   // address of the one action, if any
	LinkText  param.Text
	Also      []Action
	Resend    *Resend // or a button that sends the same form again
	RequestID string
}

// An Action is a link to what else can be done.
type Action struct {
	Link string // address; may be another site's
	Text param.Text
}

// Resend is a form that can be sent again as it was.
type Resend struct {
	Text   param.Text
	Hidden []Hidden
}

// A Snippet is a program or a command to copy, with what it is for.
type Snippet struct {
	Title param.Text
	ID    string // of its heading; unique in the page
	File  string // where it is pasted
	Code  string
}

// Commands are the requests of the API as commands of a shell, in the order in
// which they work behind each other. Each may use variables of those before.
type Commands struct{ Who, Create, DryRun, Show, Wait, List, Cancel string }

// A ProblemKind is one kind of error of the API.
type ProblemKind struct {
	Name          string // last part of the problem's type
	Statuses      []int  // of HTTP
	Title, Detail param.Text
}

// A Filter is a parameter of the list of submissions.
type Filter struct {
	Name    string
	Meaning param.Text
	Example string
}

// APILimits are the bounds of the API.
type APILimits struct {
	Body, Address int // bytes
	Key           int // characters
	KeyDays       int
	Wait          int // seconds
	Rows, Usual   int // of a list: at most, and without a wish
}

// APIPage is the reference of the API for programs. What a submission may hold
// the page has from param.Fields.
type APIPage struct {
	Shell
	Document string // address of the OpenAPI document
	Jobs     string // address of submissions
	Commands Commands
	Bodies   map[param.SourceType]string // an example of each kind, as JSON
	Filters  []Filter
	Gates    []Snippet // for pipelines; without any there is no section
	Answer   string    // an example, as JSON
	Wrong    string    // an example of a problem, as JSON
	Problems []ProblemKind
	Limits   APILimits
}
