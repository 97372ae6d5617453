package hbr

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/world"
)

// Limits that CreateBackupJob's page leaves open are taken from its siblings:
// names from backup plans, days from backup policies.
const (
	maxJobName   = 64
	maxRetention = 364635
)

// An order is one CreateBackupJob on its way to being a job. The rules of its
// source type read the request and fill in what the job will be about.
type order struct {
	params rpc.Params
	region string
	caller *world.Account // owns the job and the vault
	owner  *world.Account // owns the source; another one with CROSS_ACCOUNT

	source source
}

// A source is what a job will copy.
type source struct {
	bytes    int64
	instance *world.Instance
	cluster  *world.Cluster
	client   string // id of the backup client that copies the files
	disks    []string
	paths    []string
	copyTo   copyPlan
	plan     lifecycle.Plan // what the world says of the source

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
	rpc.Envelope
	JobId string
}

// CreateBackupJob is HBR CreateBackupJob: what is wrong with the request by
// itself comes first, then other accounts, then what it names.
func (s *Service) CreateBackupJob(k *rpc.Call) (any, error) {
	kind, err := checkCommon(k.Params)
	if err != nil {
		return nil, err
	}
	o := &order{params: k.Params, region: k.Region, caller: k.Caller.Account}
	if err := kind.check(o); err != nil {
		return nil, err
	}
	if o.owner, err = s.sourceAccount(o); err != nil {
		return nil, err
	}
	if err := kind.find(o); err != nil {
		return nil, err
	}
	if to := o.source.copyTo.region; to != "" && !s.World.HasRegion(to) {
		return nil, rpc.Invalid("Detail", "destinationRegionId: the region %q does not exist", to)
	}
	if err := s.needLinkedRole(k, o); err != nil {
		return nil, err
	}
	k.JobID = s.jobs.start(k, o, s.planOf(o))
	return createAnswer{rpc.Success(k), k.JobID}, nil
}

// planOf settles how a job goes. A request may say so in its JobName, and what
// cannot work fails whatever it says.
func (s *Service) planOf(o *order) lifecycle.Plan {
	named, _ := lifecycle.NamedPlan(o.params["JobName"]) // checkJobName saw to it
	p := named.Over(o.source.plan).Over(lifecycle.Plan{Duration: s.World.JobDuration})
	if o.source.failure != "" {
		p.Outcome = lifecycle.Outcome{Status: "FAILED", Message: o.source.failure}
	}
	p.Outcome = p.Outcome.Worded(o.params["SourceType"])
	return p
}

// checkCommon judges the parameters that every source type shares.
func checkCommon(p rpc.Params) (sourceType, error) {
	if p["SourceType"] == "" {
		return sourceType{}, rpc.Missing("SourceType")
	}
	kind, ok := sourceTypes[p["SourceType"]]
	if !ok {
		return kind, rpc.Invalid("SourceType", "%q is not UDM_ECS, ECS_FILE or CONTAINER", p["SourceType"])
	}
	for _, name := range kind.required {
		if p[name] == "" {
			return kind, rpc.Missing(name)
		}
	}
	for _, name := range kind.unused {
		if p[name] != "" {
			return kind, rpc.Invalid(name, "not supported with SourceType %s", p["SourceType"])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kind.prefixes)) {
		prefix := kind.prefixes[name]
		if v := p[name]; v != "" && (!strings.HasPrefix(v, prefix) || !world.ResourceID.MatchString(v)) {
			return kind, rpc.Invalid(name, "%q is not of the form %s…", v, prefix)
		}
	}
	if err := rpc.CheckOneOf(p, "BackupType", kind.backupTypes...); err != nil {
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
	days, ok := rpc.Decimal(text)
	if !ok || days < 1 || days > maxRetention {
		return rpc.Invalid("Retention", "%q is not a number of days from 1 to %d", text, maxRetention)
	}
	return nil
}

// checkJobName counts characters, not bytes: names may be Chinese.
func checkJobName(name string) error {
	if utf8.RuneCountInString(name) > maxJobName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return rpc.Invalid("JobName", "at most %d characters, none of them a control character", maxJobName)
	}
	if _, err := lifecycle.NamedPlan(name); err != nil {
		return rpc.Invalid("JobName", "%v", err)
	}
	return nil
}
