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

// Limits of JobName, in characters, and of Retention, in days. The page of CreateBackupJob
// gives no limits, so these are the limits of backup plans and backup policies.
const (
	maxJobName   = 64
	maxRetention = 364635
)

// An order is one call of CreateBackupJob while it is checked. The rules of its source type
// read the parameters and set source, which is what the job backs up.
type order struct {
	params rpc.Params
	region string
	caller *world.Account // owns the job and the vault
	owner  *world.Account // owns the source; another one with CROSS_ACCOUNT

	source source
}

// A source is what a job backs up.
type source struct {
	bytes    int64           // bytes that the job reads
	instance *world.Instance // nil for CONTAINER
	cluster  *world.Cluster  // set for CONTAINER only
	client   string          // id of the backup client that reads the files; empty: no client
	disks    []string        // ids of the disks of a UDM_ECS job
	paths    []string        // paths of files, or namespace/claim of volumes
	copyTo   copyPlan
	plan     lifecycle.Plan // duration and outcome that the world gives the source

	grouped     bool   // snapshotGroup: snapshots of all disks at the same time
	failure     string // ErrorMessage of a job that cannot succeed; empty: it can
	consistency consistency
}

// A sourceType has the rules for one SourceType, from the page of CreateBackupJob: the required
// parameters and the refused ones. All other parameters are optional or have no effect.
type sourceType struct {
	required    []string          // must be present
	unused      []string          // must be absent
	backupTypes []string          // valid values of BackupType
	prefixes    map[string]string // required prefixes of ids, by parameter

	check func(*order) error // checks the form of the parameters
	find  func(*order) error // finds the named resources; checks rules that depend on them
}

// sourceTypes are the rules by SourceType. Since the end of 2024 the vendor's pages describe only
// UDM_ECS; the two others follow the earlier page.
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

// A createAnswer is the reply of CreateBackupJob. It says that a job was accepted, not that it
// runs.
type createAnswer struct {
	rpc.Envelope
	JobId string
}

// CreateBackupJob is the operation CreateBackupJob of Cloud Backup. Its checks run in the order
// that the package comment lists. It creates a job and sets k.JobID.
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

// planOf returns the duration and the outcome of a job. They come from the marker in JobName,
// then from the instance or cluster, then from the default of the world. A source that cannot
// be backed up fails in every case.
func (s *Service) planOf(o *order) lifecycle.Plan {
	named, _ := lifecycle.NamedPlan(o.params["JobName"]) // checkJobName has refused invalid markers
	p := named.Over(o.source.plan).Over(lifecycle.Plan{Duration: s.World.JobDuration})
	if o.source.failure != "" {
		p.Outcome = lifecycle.Outcome{Status: "FAILED", Message: o.source.failure}
	}
	p.Outcome = p.Outcome.Worded(o.params["SourceType"])
	return p
}

// checkCommon checks the parameters that every source type has, and returns the rules of the
// source type. Errors: Missing<name>, InvalidParameter.
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

// checkRetention checks a number of days from 1 to maxRetention. It refuses 0 and -1, because
// CreateBackupJob's page does not say what they mean.
func checkRetention(text string) error {
	days, ok := rpc.Decimal(text)
	if !ok || days < 1 || days > maxRetention {
		return rpc.Invalid("Retention", "%q is not a number of days from 1 to %d", text, maxRetention)
	}
	return nil
}

// checkJobName refuses a name that is too long (in characters), is not valid UTF-8, contains
// control characters, or contains an invalid marker for the emulator. A name may have no
// marker.
func checkJobName(name string) error {
	if utf8.RuneCountInString(name) > maxJobName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return rpc.Invalid("JobName", "at most %d characters, none of them a control character", maxJobName)
	}
	if _, err := lifecycle.NamedPlan(name); err != nil {
		return rpc.Invalid("JobName", "%v", err)
	}
	return nil
}
