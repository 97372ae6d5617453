package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cost"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/precheck"
)

// Shell is what every page shows around its content.
type Shell struct {
	Path      string         // path of the page, without query
	Query     string         // query of the page, as received; restored after a change of the language
	User      string         // name of the person; empty means signed out, without navigation
	Version   string         // version of the program; empty: the footer does not show it
	Demo      bool           // the cloud is an emulator
	Disabled  bool           // the policy forbids new backups
	Ephemeral bool           // the store loses its data with the instance
	CSS, JS   string         // addresses of the assets
	BatchCSS  string         // address of the style sheet that only the pages of batches need
	Picker    string         // address of the script that offers candidates
	Icon      string         // address of the icon
	API       string         // address of the API reference; empty means no link
	Receivers string         // address of the page with the receivers of notifications; empty means no link
	SignOut   string         // target of the sign-out form; empty means no form
	Now       time.Time      // present time, for dates that are counted from today
	Zone      *time.Location // time zone of the displayed times; nil means UTC
	NoTeam    []string       // tell a person who is in no team why; empty for a member of a team
}

// Values are the typed values of a form, by the name of the control. A control is a parameter,
// a control in a row such as "SpeedLimit.0.start", or a choice such as "choice.SpeedLimit",
// which is not a parameter.
type Values map[string]string

// Rows returns the number of rows of a field: the highest row number with a control, plus one. Rows
// are counted from 0. A row with the number MaxRows or a higher number is ignored.
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

// MaxRows returns the maximum number of rows of a field, or 0 for a field without rows. A speed
// limit has at most 24 windows, one for each hour. A cluster may have hundreds of volumes; more
// than the maximum can be pasted as JSON.
func MaxRows(field string) int {
	switch field {
	case "SpeedLimit":
		return 24
	case "ContainerResources":
		return 200
	}
	return 0
}

// RowControls returns the names of the controls in one row of a field, in order; nil for a field
// without rows.
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

// RowControl returns the name of one control in a row, which is counted from 0.
func RowControl(field string, row int, control string) string {
	return fmt.Sprintf("%s.%d.%s", field, row, control)
}

// ControlID returns the HTML id of the control called name.
func ControlID(name string) string { return "f-" + strings.ReplaceAll(name, ".", "-") }

// FormPage is the form for one kind of backup.
type FormPage struct {
	Shell
	Source        param.SourceType
	Key           string                    // idempotency key of the submission; not used with Page
	Page          string                    // id of this page: the store finds the drafts that were posted from it; empty without a store for drafts
	Person        string                    // token of the person, for a form that is posted after the end of the session; may be empty
	Returned      *Returned                 // not nil: the form was posted after the end of the session
	Values        Values                    // values of the controls; a control without a value has its default
	Mistakes      []param.Mistake           // mistakes in the order of the form, including refusals of the policy
	Accounts      []backup.Account          // accounts that can be chosen, each with its regions
	Offer         policy.Offer              // what the rules permit
	UnknownParams []string                  // names of ignored URL parameters: not in the form, or an unknown Preset
	Focus         string                    // control that gets the focus; the error summary has precedence
	Section       string                    // id of the section to scroll to; empty for none
	Preset        *backup.Preset            // preset whose values fill the form; nil if no preset was chosen
	Link          string                    // name of the saved link whose values fill the form; empty: no saved link
	LinkAddress   string                    // address of the saved link
	Matches       map[string]OptionsPage    // results of searches, by field; the form shows them as radio buttons
	Machine       *MachineRow               // the chosen instance or cluster; nil: the form asks for it
	Targets       *TargetSet                // not nil: the form is for these machines, and asks for none
	Kinds         map[param.SourceType]bool // only with Targets: kinds of backup that some rule permits
	Lists         map[string]FieldList      // candidates of Detail.diskIdList and VaultId; a field without an entry is typed
}

// A FieldList is the candidates of a field, which the form shows as check boxes or radio buttons.
type FieldList struct {
	Items      []backup.Candidate
	Unreadable bool // the list cannot be read now, so the field is typed
}

// BoxesPrefix is the beginning of the name of a hidden input next to the check boxes of a
// field. Its value is the number of candidates. Box number N is called field.N. Boxes after the
// candidates have values that are not in the list of candidates.
const BoxesPrefix = "boxes."

// FindPrefix, followed by the name of a field, is the name of the field's search box if the
// results of the search are shown as radio buttons. If none of these is selected, the text of
// the box is the value of the field.
const FindPrefix = "find."

// OptionsPage has the candidates that match a search.
type OptionsPage struct {
	Search     string // the searched text
	Machines   []inventory.Machine
	Unreadable bool // the list cannot be read now, so candidates may be missing or out of date
}

// Returned is the message for a person who posted a form after the end of the session, and has
// signed in again.
type Returned struct {
	SavedAt, Expires time.Time // when the draft was saved, and when it is removed
	Discard          string    // address that removes the draft
}

// A Hidden is one hidden input of the check page, which repeats a value of the form.
type Hidden struct{ Name, Value string }

// NoLimit is the value of the control "unit" in a row of SpeedLimit that has no limit. The control
// "bandwidth" of the row is then ignored.
const NoLimit = "none"

// CheckPage shows all values and the exact call before the backup starts. It has either Draft
// and Form (a stored draft), or Hidden (the values as hidden inputs).
type CheckPage struct {
	Shell
	Call     backup.Call      // the call, with the complete JobName
	Values   Values           // values of the form; the page reads the choices, which have no parameter
	Hidden   []Hidden         // the values of the form, for the buttons of the page; nil with Draft
	Link     []Hidden         // values of a link to the form, without its name; nil: they do not fit into an address
	Previews []backup.Preview // the call for other tools
	Notes    []param.Text     // about values that are not sent as they were given
	Checks   precheck.Result
	Cost     cost.Estimate
	Draft    string // address of the draft; empty without a store for drafts
	Form     string // address of the form with these values, with a query; empty if the buttons post Hidden instead

	Receivers []backup.Receiver // receivers that the person may choose, without URLs and secrets
	Chosen    []string          // names of receivers whose boxes are ticked
	Wrong     []param.Mistake   // about the chosen receivers
}

// ChoosePage offers the kinds of backup.
type ChoosePage struct {
	Shell
	Offered map[param.SourceType]bool // kinds that some rule permits
}

// A Row is one submission in a list, with its present state.
type Row struct {
	Record backup.Record
	State  backup.State

	Rejection *backup.Rejection // not nil: the row is about rejected messages, and Record is zero

	AccountLabel param.Text // empty: the alias is shown
	Reason       param.Text // why there is no complete backup; empty if nothing went wrong or it is not known
	Cancellable  bool       // a list offers to cancel the job
}

// A Help says whom a person without rights can ask.
type Help struct {
	Contacts []param.Text // empty if the policy names none
	Identity string       // lines by which the policy knows the person
}

// StartPage shows the machines that the person may back up, the last submissions and the rules.
type StartPage struct {
	Shell
	Rows     []Row
	Rules    []policy.Rule
	Help     *Help                     // not nil: no rule allows the person a backup
	Kind     backup.CandidateKind      // kind of the list: Instances, Clusters, or Volumes of one cluster
	Offered  map[param.SourceType]bool // kinds of backup that some rule permits
	Presets  []backup.Preset           // presets that the person may use
	Accounts []backup.Account          // options of the filters by account and region
	Filters  map[string]string         // values of the filters in use, by name; with Volumes also Cluster
	Tags     []string                  // options of the filter by tag
	Gaps     []backup.Gap              // missing backups of the expectations that the person may see
	Findings []AccountFinding          // accounts whose machines are missing or out of date
	Machines []MachineRow              // the machines on this page
	First    int                       // number of the first one in the whole list, from 1
	Total    int                       // number of machines that match the filters
	Known    int                       // number of machines without the filters Search and Tag
	More     bool                      // the cloud has more volumes than the page shows
	Many     bool                      // several machines can be backed up at once
	Person   string                    // see [FormPage]; may be empty

	Previous, Next string // addresses of the adjacent pages; empty means none
}

// A MachineRow is an instance, a cluster or a volume, with its last backups.
type MachineRow struct {
	inventory.Machine
	AccountLabel param.Text      // empty: the alias is shown
	Last         *Row            // newest submission that the reader may view; nil if there is none
	Good         time.Time       // when the last complete backup ended; zero if there is none
	Cluster      string          // id of the cluster of a volume; empty for other machines
	Presets      []backup.Preset // presets that the person may use for the machine
}

// An AccountFinding says that the machines of an account are missing or out of date.
type AccountFinding struct {
	Account  string // alias
	Label    param.Text
	State    inventory.State // any state but Fresh
	Regions  []string        // regions of the account that have this state
	Machines int             // number of machines that are shown nevertheless
	At       time.Time       // when the oldest of them were listed; zero if none are shown
	Owner    param.Text      // whom to ask; empty if the policy does not say
}

// HistoryPage lists submissions, newest first.
type HistoryPage struct {
	Shell
	Rows         []Row
	Newer, Older string            // addresses of the adjacent pages; empty means none
	Filters      map[string]string // filters of the request, by name, as received
	Mistakes     []param.Mistake   // mistakes in the filters; if there are any, the page has no rows
	Accounts     []backup.Account  // options of the filter; empty means that nothing can be started
	Week         string            // the first day of the filter "Last 7 days", as 2026-11-23
	Others       int               // entries of a search without a result that the other filters find
	MoreOthers   bool              // there are more than Others
	Many         bool              // there are batches
}

// StatusPage shows one submission and its job.
type StatusPage struct {
	Shell
	Row
	Account     backup.Account   // account of the submission; zero if the policy no longer has it
	Means, Todo param.Text       // explanation of the cloud's code; may be empty
	Denied      []string         // reasons of the policy, in the reader's language
	Auto        bool             // reload every ten seconds without the script
	Late        bool             // a cancellation came after the end
	Every       time.Duration    // time until the script asks again; 0 means never
	MayCancel   bool             // the policy permits it
	Restore     []backup.Preview // commands that restore the backup; nil if there are none
	Earlier     []time.Duration  // how long earlier backups of the same resource took, the newest first
}

// CancelPage asks for confirmation before a job is cancelled.
type CancelPage struct {
	Shell
	Row
}

// A Problem is an error page: what went wrong, and what that means for the backup.
type Problem struct {
	Shell
	Status    int // HTTP status
	Title     param.Text
	Lines     []string   // lines of text, in the reader's language
	Link      string     // address of the main action; empty for none
	LinkText  param.Text // may lead to another site
	Also      []Action   // further links
	Resend    *Resend    // a button that sends the form again; nil for none
	RequestID string
}

// An Action is a link to something that a person can do next.
type Action struct {
	Link string     // address; may be another site's
	Text param.Text // text of the button
}

// A Resend is a button that sends a form again with the values of Hidden.
type Resend struct {
	Action string     // path to which the form is sent
	Text   param.Text // text of the button
	Hidden []Hidden
}

// A Snippet is a program or a command to copy, with a title.
type Snippet struct {
	Title param.Text
	ID    string // id of its heading; unique on the page
	File  string // path in the reader's repository
	Code  string
}

// Commands are shell commands that use the API. They work in this order; each may use variables of
// the previous ones.
type Commands struct {
	Who, Create, DryRun, Show, Wait, List, Cancel string

	Preflight, Candidates, Webhook, Presets, Batch string
}

// A CandidateList is a list of resources that a submission can name.
type CandidateList struct {
	Path         string // path of the API; {alias} stands for the account
	Title, About param.Text
}

// A ProblemKind is one kind of error of the API.
type ProblemKind struct {
	Name     string       // last part of the problem's type
	Statuses []int        // HTTP statuses
	Texts    []param.Text // titles and details
}

// A Filter is a query parameter of the list of submissions.
type Filter struct {
	Name    string
	Meaning param.Text
	Example string
}

// APILimits are the limits of the API.
type APILimits struct {
	Body, Address int // bytes
	Key           int // characters
	KeyDays       int // how long a key identifies its submission
	Wait          int // seconds
	Rows, Usual   int // maximum and default number of rows of a list
}

// APIPage is the API reference for programs. The rows of the parameters come from param.Fields.
type APIPage struct {
	Shell
	Topic    string // one of [APITopics]
	Document string // address of the OpenAPI document
	Jobs     string // address of the submissions
	Mode     string // AUTH_MODE: how people identify themselves
	Webhooks string // address of webhooks, with {source}
	Access   string // address of the access check, with {alias}
	Presets  string // address of the presets
	Batches  string // address of the batches
	Lists    []CandidateList
	Commands Commands
	Bodies   map[param.SourceType]string // an example of each kind, as JSON
	Filters  []Filter
	Gates    []Snippet // files for CI pipelines; empty means no section
	Answer   string    // example of an answer, as JSON
	Wrong    string    // example of a problem, as JSON
	Problems []ProblemKind
	Limits   APILimits
}
