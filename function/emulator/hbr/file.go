package hbr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
)

// Limits of Include and Exclude: the number of characters of the JSON text, from the page of
// CreateBackupJob, and the number of entries, from the page of backup plans.
const (
	maxPathText = 255
	maxPaths    = 8
)

// FileBytes is the size of every file job in bytes: 6 GiB.
const FileBytes = 6 << 30

// checkFileOrder checks the form of the parameters of an ECS_FILE job.
func checkFileOrder(o *order) error {
	include, err := parsePaths(o.params, "Include")
	if err != nil {
		return err
	}
	exclude, err := parsePaths(o.params, "Exclude")
	if err != nil {
		return err
	}
	if err := checkSpeedLimit(o.params["SpeedLimit"]); err != nil {
		return err
	}
	vss, err := parseUseVSS(o.params["Options"])
	if err != nil {
		return err
	}
	if vss {
		return checkShadowCopy(include, exclude)
	}
	return nil
}

// findFiles finds instance and vault of an ECS_FILE job. Without an active backup client the job
// is created and fails.
func findFiles(o *order) error {
	instance := o.owner.Instance(o.params["InstanceId"], o.region)
	if instance == nil {
		return rpc.NotFound("InstanceId", o.params["InstanceId"])
	}
	if err := findVault(o); err != nil {
		return err
	}
	if vss, _ := parseUseVSS(o.params["Options"]); vss && instance.OS != "windows" {
		return rpc.Invalid("Options", "UseVSS is for Windows instances only")
	}
	paths, _ := parsePaths(o.params, "Include")
	o.source = source{instance: instance, paths: paths, bytes: FileBytes, plan: instance.Plan()}
	if client := o.owner.Client(instance.ID); client != nil {
		o.source.client = client.ID
	} else {
		o.source.failure = "no backup client is active on the instance"
	}
	o.failIfVaultNotReady()
	return nil
}

// findVault checks that the requested vault is in the caller's account and in the region. With
// CROSS_ACCOUNT, too, the vault belongs to the caller's account. A replication vault is refused
// with InvalidParameter, a code that the vendor does not document for this case. Errors:
// VaultNotExist, InvalidParameter.
func findVault(o *order) error {
	id := o.params["VaultId"]
	vault := o.caller.Vault(id, o.region)
	if vault == nil {
		return rpc.Refuse(404, "VaultNotExist", "the vault %q does not exist in %s", id, o.region)
	}
	if vault.Replication {
		return rpc.Invalid("VaultId", "the vault %q is the mirror of another, and takes no backups", id)
	}
	return nil
}

// failIfVaultNotReady makes the job fail with AccessVaultFail, a code of the error table, if the
// vault is not CREATED.
func (o *order) failIfVaultNotReady() {
	if o.caller.Vault(o.params["VaultId"], o.region).Status != "CREATED" {
		o.source.failure = "AccessVaultFail"
	}
}

// parsePaths reads Include or Exclude, a JSON array of texts. It returns nil for an absent
// parameter.
func parsePaths(p rpc.Params, name string) ([]string, error) {
	text := p[name]
	if text == "" {
		return nil, nil
	}
	paths, ok := plainjson.Strings([]byte(text))
	switch {
	case !ok:
		return nil, rpc.Invalid(name, "it is not a json array of texts")
	case utf8.RuneCountInString(text) > maxPathText:
		return nil, rpc.Invalid(name, "it is longer than 255 characters")
	case len(paths) > maxPaths:
		return nil, rpc.Invalid(name, "it has more than 8 entries")
	case slices.Contains(paths, ""):
		return nil, rpc.Invalid(name, "it has an empty entry")
	}
	return paths, nil
}

// parseUseVSS reads Options, whose only key is UseVSS. It returns false for an absent parameter.
func parseUseVSS(text string) (bool, error) {
	if text == "" {
		return false, nil
	}
	object, err := plainjson.Object(text)
	if err != nil {
		return false, rpc.Invalid("Options", "%v", err)
	}
	vss, ok := plainjson.Bool(object["UseVSS"])
	if !ok || len(object) != 1 {
		return false, rpc.Invalid("Options", "it has the one key UseVSS, true or false")
	}
	return vss, nil
}

// checkShadowCopy checks the limits of a Windows shadow copy: one path at most, no network path,
// no wildcard and no Exclude.
func checkShadowCopy(include, exclude []string) error {
	if len(include) > 1 || len(exclude) > 0 {
		return rpc.Invalid("Options", "UseVSS allows one path in Include and no Exclude")
	}
	for _, path := range include {
		if strings.HasPrefix(path, `\\`) || strings.ContainsAny(path, "*?") {
			return rpc.Invalid("Options", "UseVSS allows neither network paths nor wildcards")
		}
	}
	return nil
}

// A speedRule is the range of hours of one rule: from start up to, not including, end.
type speedRule struct{ start, end int64 }

// checkSpeedLimit checks SpeedLimit: rules joined by "|", each start:end:bandwidth. Hours are
// whole numbers. Bandwidth is in KB/s, or NaN for no limit. Two rules must not overlap. The
// format is that of every sample value; the text of the page also writes "|" inside a rule.
func checkSpeedLimit(text string) error {
	if text == "" {
		return nil
	}
	var rules []speedRule
	for part := range strings.SplitSeq(text, "|") {
		r, ok := parseSpeedRule(part)
		if !ok {
			return rpc.Invalid("SpeedLimit", "%q is not of the form start:end:bandwidth", part)
		}
		for _, other := range rules {
			if r.start < other.end && other.start < r.end {
				return rpc.Invalid("SpeedLimit", "%q overlaps another range", part)
			}
		}
		rules = append(rules, r)
	}
	return nil
}

// parseSpeedRule reads one rule. start is 0 to 23 and end is greater, at most 24, so no rule
// passes midnight.
func parseSpeedRule(text string) (r speedRule, ok bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return r, false
	}
	start, ok1 := rpc.Decimal(parts[0])
	end, ok2 := rpc.Decimal(parts[1])
	bandwidth, ok3 := rpc.Decimal(parts[2])
	ok3 = ok3 && bandwidth > 0 || parts[2] == "NaN"
	return speedRule{start, end}, ok1 && ok2 && ok3 && start < end && end <= 24
}
