package metric

// The names of the metrics.
const (
	buildInfo         = "backup_portal_build_info"
	requests          = "backup_portal_http_requests_total"
	requestSeconds    = "backup_portal_http_request_duration_seconds"
	submissions       = "backup_portal_submissions_total"
	attempts          = "backup_portal_attempts_total"
	rejected          = "backup_portal_rejected_total"
	consistencyMissed = "backup_portal_consistency_missed_total"
	cloudSeconds      = "backup_portal_cloud_call_duration_seconds"
	storeSeconds      = "backup_portal_store_duration_seconds"
	storeErrors       = "backup_portal_store_errors_total"
	running           = "backup_portal_admission_running"
	waiting           = "backup_portal_admission_waiting"
	refusedFull       = "backup_portal_admission_refused_total"
	sessionsInUse     = "backup_portal_sessions"
	openSubmissions   = "backup_portal_open_submissions"
	unknownOpen       = "backup_portal_unknown_outcomes"
	unknownAge        = "backup_portal_unknown_outcome_age_seconds"
	noticesWaiting    = "backup_portal_notices_waiting"
	noticeAge         = "backup_portal_notice_age_seconds"
	missing           = "backup_portal_missing_backups"
	lastSuccess       = "backup_portal_last_success_timestamp_seconds"
	lastSweep         = "backup_portal_last_sweep_timestamp_seconds"
)

// A Description describes one metric.
type Description struct {
	Name   string
	Type   string   // gauge, counter or histogram
	Labels []string // names of the labels; nil if the metric has none
	Help   string   // one sentence without a full stop
}

// Described lists the metrics of the portal. [Registry.Write] also writes metrics of the Go runtime
// and of the process. They are not in this list; they have the same names as in Prometheus's client
// libraries, such as go_goroutines and process_resident_memory_bytes.
var Described = []Description{
	{buildInfo, "gauge", []string{"version", "goversion"}, "1, with the version of the program"},
	{requests, "counter", []string{"route", "status"}, "Answered HTTP requests; the route is empty for an unknown path"},
	{requestSeconds, "histogram", []string{"route"}, "Time from a request to its answer"},
	{submissions, "counter", []string{"door", "outcome"}, "Submissions by their door and their outcome"},
	{attempts, "counter", []string{"result"}, "Recorded results of attempts to create a job"},
	{rejected, "counter", []string{"kind", "source"}, "Refused inputs"},
	{consistencyMissed, "counter", nil, "Backups that are less consistent than requested"},
	{cloudSeconds, "histogram", []string{"operation", "class"}, "Calls of the cloud, with those of STS"},
	{storeSeconds, "histogram", []string{"statement"}, "Operations of the database"},
	{storeErrors, "counter", []string{"statement"}, "Operations of the database that failed"},
	{running, "gauge", []string{"kind"}, "Requests that are worked on"},
	{waiting, "gauge", []string{"kind"}, "Requests that wait in the queue"},
	{refusedFull, "counter", []string{"kind"}, "Requests that were refused because too many others were worked on"},
	{sessionsInUse, "gauge", nil, "Sessions of people that this process has seen in the last hour"},
	{openSubmissions, "gauge", nil, "Submissions that are not final, as the last sweep found them"},
	{unknownOpen, "gauge", nil, "Submissions whose outcome is unknown, as the last sweep found them"},
	{unknownAge, "gauge", nil, "Age of the oldest unknown outcome at the last sweep; 0 if there is none"},
	{noticesWaiting, "gauge", []string{"receiver"}, "Notices that are not delivered yet"},
	{noticeAge, "gauge", []string{"receiver"}, "Age of the oldest notice that is not delivered yet"},
	{missing, "gauge", []string{"expectation"}, "Instances without the backup that an expectation of the policy demands"},
	{lastSuccess, "gauge", []string{"account", "source_type"}, "When the last complete backup ended, as Unix time"},
	{lastSweep, "gauge", nil, "When this process last ended a sweep without an error, as Unix time"},
}

// helpOf returns the description of a metric. All metrics of the Go runtime and of the process have
// the same description, because their names explain them.
func helpOf(metric string) string {
	for _, d := range Described {
		if d.Name == metric {
			return d.Help
		}
	}
	return "Of the Go runtime or the process"
}
