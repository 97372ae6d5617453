package emulator

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// endpoint matches the vendor's regional hosts; the region is its first group.
// Under localhost the same names can be used where nothing resolves the vendor's.
var endpoint = regexp.MustCompile(`^(?:hbr|sts|ecs)(?:-vpc)?\.([a-z0-9-]+)\.(?:aliyuncs\.com|localhost)(?::\d+)?$`)

// checkOperation finds the operation by Action and Version. With RPC 1.0 the
// gateway's default format is XML, which this emulator does not write; V3 has
// JSON alone, and no parameter for it.
func (c *Cloud) checkOperation(k *call) error {
	op, err := findOperation(k.signing.action, k.signing.version)
	if err != nil {
		return err
	}
	k.op = op
	if !isV3(k.http) && !strings.EqualFold(k.params["Format"], "JSON") {
		return invalid("Format", "this emulator answers JSON only")
	}
	return nil
}

// checkTransport refuses plain http for operations that the vendor's metadata
// lists under https alone.
func (c *Cloud) checkTransport(k *call) error {
	if k.op.https && !k.secure {
		return refuse(http.StatusNotFound, "InvalidProtocol.NeedSsl", "your request is not over https")
	}
	return nil
}

// checkRegion settles where the call happens. ECS has a parameter for it. Cloud
// Backup has none, the endpoint decides: a Host of the vendor's is believed, on
// an address of our own the common RegionId takes its place, and an address
// without either stands for the endpoint of the world's first region, since
// most clients never send RegionId to Cloud Backup.
func (c *Cloud) checkRegion(k *call) error {
	if !k.op.regional {
		return nil
	}
	k.region = k.params["RegionId"]
	switch m := endpoint.FindStringSubmatch(k.http.Host); {
	case k.op.product == "Ecs" && k.region == "":
		return missing("RegionId")
	case k.op.product == "Ecs":
	case m != nil:
		k.region = m[1]
	case k.region == "":
		k.region = c.world.Regions[0]
	}
	if !c.world.hasRegion(k.region) {
		return refuse(http.StatusNotFound, "InvalidRegion.NotFound", "the region %q does not exist", k.region)
	}
	return nil
}

// authorize asks the caller's policies.
func (c *Cloud) authorize(k *call) error {
	if k.op.permission == "" {
		return nil
	}
	return k.require(k.op.permission, k.resource())
}

// findOperation tells an operation that exists nowhere from one that exists in
// another version.
func findOperation(action, version string) (operation, error) {
	at := slices.IndexFunc(operations, func(op operation) bool { return op.action == action && op.version == version })
	if at >= 0 {
		return operations[at], nil
	}
	if slices.ContainsFunc(operations, func(op operation) bool { return op.action == action }) {
		return operation{}, refuse(http.StatusBadRequest, "InvalidVersion", "the version %q of %s does not exist", version, action)
	}
	return operation{}, refuse(http.StatusNotFound, "InvalidApi.NotFound", "the api %q is not found", action)
}
