package emulator

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of Include and Exclude: characters of the JSON text, brackets and
// quotes included, by CreateBackupJob's page; entries by that of backup plans.
const (
	maxPathText = 255
	maxPaths    = 8
)

// fileBytes is how much a file job finds to copy.
const fileBytes = 6 << 30

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
	instance := o.owner.instance(o.params["InstanceId"], o.region)
	if instance == nil {
		return notFound("InstanceId", o.params["InstanceId"])
	}
	if err := findVault(o); err != nil {
		return err
	}
	if vss, _ := parseUseVSS(o.params["Options"]); vss && instance.OS != "windows" {
		return invalid("Options", "UseVSS is for Windows instances only")
	}
	paths, _ := parsePaths(o.params, "Include")
	o.source = source{instance: instance, paths: paths, bytes: fileBytes, plan: instance.plan()}
	if client := o.owner.client(instance.ID); client != nil {
		o.source.client = client.ID
	} else {
		o.source.failure = "no backup client is active on the instance"
	}
	o.failWithoutVault()
	return nil
}

// findVault looks in the caller's account: with CROSS_ACCOUNT only the source
// lies elsewhere. That a mirror takes no backups follows from what it is; with
// which code it is refused is a guess.
func findVault(o *order) error {
	id := o.params["VaultId"]
	vault := o.caller.vault(id, o.region)
	if vault == nil {
		return refuse(404, "VaultNotExist", "the vault %q does not exist in %s", id, o.region)
	}
	if vault.Replication {
		return invalid("VaultId", "the vault %q is the mirror of another, and takes no backups", id)
	}
	return nil
}

// failWithoutVault lets a job fail whose vault is not ready, in the word that
// the error table has for it.
func (o *order) failWithoutVault() {
	if o.caller.vault(o.params["VaultId"], o.region).Status != "CREATED" {
		o.source.failure = "AccessVaultFail"
	}
}

// parsePaths reads Include or Exclude: the text of a JSON array of texts.
func parsePaths(p params, name string) ([]string, error) {
	text := p[name]
	if text == "" {
		return nil, nil
	}
	paths, ok := jsonStrings([]byte(text))
	switch {
	case !ok:
		return nil, invalid(name, "it is not a json array of texts")
	case utf8.RuneCountInString(text) > maxPathText:
		return nil, invalid(name, "it is longer than 255 characters")
	case len(paths) > maxPaths:
		return nil, invalid(name, "it has more than 8 entries")
	case slices.Contains(paths, ""):
		return nil, invalid(name, "it has an empty entry")
	}
	return paths, nil
}

// parseUseVSS reads Options, whose only key is UseVSS.
func parseUseVSS(text string) (bool, error) {
	if text == "" {
		return false, nil
	}
	object, err := jsonObject(text)
	if err != nil {
		return false, invalid("Options", "%v", err)
	}
	vss, ok := jsonBool(object["UseVSS"])
	if !ok || len(object) != 1 {
		return false, invalid("Options", "it has the one key UseVSS, true or false")
	}
	return vss, nil
}

// checkShadowCopy has the limits of a Windows shadow copy: one directory, and
// neither network paths nor patterns nor exceptions.
func checkShadowCopy(include, exclude []string) error {
	if len(include) > 1 || len(exclude) > 0 {
		return invalid("Options", "UseVSS allows one path in Include and no Exclude")
	}
	for _, path := range include {
		if strings.HasPrefix(path, `\\`) || strings.ContainsAny(path, "*?") {
			return invalid("Options", "UseVSS allows neither network paths nor wildcards")
		}
	}
	return nil
}
