package hbr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/rpc"
)

// Limits of Include and Exclude: characters of the JSON text, brackets and
// quotes included, by CreateBackupJob's page; entries by that of backup plans.
const (
	maxPathText = 255
	maxPaths    = 8
)

// FileBytes is how much a file job finds to copy.
const FileBytes = 6 << 30

// checkFileOrder judges an ECS_FILE job by its parameters alone.
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

// findFiles resolves the instance and the vault. A machine without a living
// backup client is no reason to refuse: the job is made and fails.
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

// findVault looks in the caller's account: with CROSS_ACCOUNT only the source
// lies elsewhere. That a mirror takes no backups follows from what it is; with
// which code it is refused is a guess.
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

// failWithoutVault lets a job fail whose vault is not ready, in the word that
// the error table has for it.
func (o *order) failIfVaultNotReady() {
	if o.caller.Vault(o.params["VaultId"], o.region).Status != "CREATED" {
		o.source.failure = "AccessVaultFail"
	}
}

// parsePaths reads Include or Exclude: the text of a JSON array of texts.
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

// parseUseVSS reads Options, whose only key is UseVSS.
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

// checkShadowCopy has the limits of a Windows shadow copy: one directory, and
// neither network paths nor patterns nor exceptions.
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

// A speedRule limits the bandwidth in the hours from start up to end.
type speedRule struct{ start, end int64 }

// checkSpeedLimit reads rules joined by "|", each start:end:bandwidth, as in
// every sample value (the prose of the page writes "|" inside a rule as well).
// Hours are whole, bandwidth is KB/s or NaN for no limit, and no hour may be in
// two rules.
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

// parseSpeedRule takes start 0 to 23 and end 1 to 24, so that no rule reaches
// over midnight.
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
