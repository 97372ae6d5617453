package emulator

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits that CreateBackupJob's page leaves open are taken from its siblings:
// names from backup plans, days from backup policies.
const (
	maxJobName   = 64
	maxRetention = 364635
)

// resourceID is all that is known of ids besides their prefix.
var resourceID = regexp.MustCompile(`^[A-Za-z0-9-]{3,64}$`)

// An order is one CreateBackupJob on its way to being a job. The rules of its
// source type read the request and fill in what the job will be about.
type order struct {
	params params
	region string
	caller *Account // owns the job and the vault
	owner  *Account // owns the source; another one with CROSS_ACCOUNT

	source source
}

// A source is what a job will copy.
type source struct {
	bytes    int64
	instance *Instance
	cluster  *Cluster
	client   string // id of the backup client that copies the files
	disks    []string
	paths    []string
	copyTo   copyPlan
	plan     plan // what the world says of the source

	grouped     bool   // all disks at one moment
	failure     string // why the job will fail, if it will
	consistency consistency
}

// A sourceType is what CreateBackupJob's page says of one SourceType. A
// parameter that is in neither list is optional, or has no effect.
type sourceType struct {
	required    []string
	unused      []string // may not be sent
	backupTypes []string
	prefixes    map[string]string // of the ids among the parameters

	check func(*order) error // the rules of its own parameters
	find  func(*order) error // resolves what they name, and the rules that need it
}

// sourceTypes is the table behind SourceType. The pages since the end of 2024
// name UDM_ECS only; the two others are kept with the rules of the page before.
var sourceTypes = map[string]sourceType{
	"UDM_ECS": {
		required:    []string{"InstanceId", "Detail", "Retention"},
		unused:      []string{"Options", "ClusterId", "ContainerClusterId", "ContainerResources", "InitiatedByAck"},
		backupTypes: []string{"COMPLETE"},
		prefixes:    map[string]string{"InstanceId": "i-"},
		check:       checkInstanceOrder, find: findInstance,
	},
	"ECS_FILE": {
		required:    []string{"InstanceId", "VaultId", "Retention"},
		unused:      []string{"Detail", "ClusterId", "ContainerClusterId", "ContainerResources", "InitiatedByAck"},
		backupTypes: []string{"COMPLETE", "INCREMENTAL"},
		prefixes:    map[string]string{"InstanceId": "i-", "VaultId": "v-"},
		check:       checkFileOrder, find: findFiles,
	},
	"CONTAINER": {
		required:    []string{"ContainerClusterId", "ContainerResources", "VaultId", "Retention"},
		unused:      []string{"InstanceId", "Detail", "SpeedLimit", "Options", "Include", "Exclude"},
		backupTypes: []string{"COMPLETE", "INCREMENTAL"},
		prefixes:    map[string]string{"ContainerClusterId": "cc-", "ClusterId": "cl-", "VaultId": "v-"},
		check:       checkContainerOrder, find: findVolumes,
	},
}

// createAnswer is the reply of CreateBackupJob. It says that a job was
// accepted, never that it has begun.
type createAnswer struct {
	envelope
	JobId string
}

// createBackupJob is HBR CreateBackupJob: what is wrong with the request by
// itself comes first, then other accounts, then what it names.
func (s *hbrService) createBackupJob(k *call) (any, error) {
	kind, err := checkCommon(k.params)
	if err != nil {
		return nil, err
	}
	o := &order{params: k.params, region: k.region, caller: k.caller.account}
	if err := kind.check(o); err != nil {
		return nil, err
	}
	if o.owner, err = s.sourceAccount(o); err != nil {
		return nil, err
	}
	if err := kind.find(o); err != nil {
		return nil, err
	}
	if to := o.source.copyTo.region; to != "" && !s.world.hasRegion(to) {
		return nil, invalid("Detail", "destinationRegionId: the region %q does not exist", to)
	}
	if err := s.needLinkedRole(k, o); err != nil {
		return nil, err
	}
	k.jobID = s.jobs.start(k, o, s.planOf(o))
	return createAnswer{success(k), k.jobID}, nil
}

// planOf settles how a job goes. A request may say so in its JobName, and what
// cannot work fails whatever it says.
func (s *hbrService) planOf(o *order) plan {
	named, _ := namedPlan(o.params["JobName"]) // checkJobName saw to it
	p := named.over(o.source.plan).over(plan{duration: s.world.JobDuration})
	if o.source.failure != "" {
		p.outcome = outcome{"FAILED", o.source.failure}
	}
	p.outcome = p.outcome.worded(o.params["SourceType"])
	return p
}

// checkCommon judges the parameters that every source type shares.
func checkCommon(p params) (sourceType, error) {
	if p["SourceType"] == "" {
		return sourceType{}, missing("SourceType")
	}
	kind, ok := sourceTypes[p["SourceType"]]
	if !ok {
		return kind, invalid("SourceType", "%q is not UDM_ECS, ECS_FILE or CONTAINER", p["SourceType"])
	}
	for _, name := range kind.required {
		if p[name] == "" {
			return kind, missing(name)
		}
	}
	for _, name := range kind.unused {
		if p[name] != "" {
			return kind, invalid(name, "not supported with SourceType %s", p["SourceType"])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kind.prefixes)) {
		prefix := kind.prefixes[name]
		if v := p[name]; v != "" && (!strings.HasPrefix(v, prefix) || !resourceID.MatchString(v)) {
			return kind, invalid(name, "%q is not of the form %s…", v, prefix)
		}
	}
	if err := checkOneOf(p, "BackupType", kind.backupTypes...); err != nil {
		return kind, err
	}
	if err := checkRetention(p["Retention"]); err != nil {
		return kind, err
	}
	return kind, checkJobName(p["JobName"])
}

// checkRetention takes days. What 0 and -1 would mean here is not documented,
// so nobody may rely on them.
func checkRetention(text string) error {
	days, ok := decimal(text)
	if !ok || days < 1 || days > maxRetention {
		return invalid("Retention", "%q is not a number of days from 1 to %d", text, maxRetention)
	}
	return nil
}

// checkJobName counts characters, not bytes: names may be Chinese.
func checkJobName(name string) error {
	if utf8.RuneCountInString(name) > maxJobName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return invalid("JobName", "at most %d characters, none of them a control character", maxJobName)
	}
	if _, err := namedPlan(name); err != nil {
		return invalid("JobName", "%v", err)
	}
	return nil
}
