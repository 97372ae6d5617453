package emulator

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/rpc"
	"backupportal/function/emulator/sign"
)

// endpoint matches the vendor's regional hosts; the region is its first group.
// Under localhost the same names can be used where nothing resolves the vendor's.
var endpoint = regexp.MustCompile(`^(?:hbr|sts|ecs)(?:-vpc)?\.([a-z0-9-]+)\.(?:aliyuncs\.com|localhost)(?::\d+)?$`)

// checkOperation finds the operation by Action and Version. With RPC 1.0 the
// gateway's default format is XML, which this emulator does not write; V3 has
// JSON alone, and no parameter for it.
func (c *Cloud) checkOperation(k *rpc.Call) error {
	op, err := findOperation(k.Signing.Action, k.Signing.Version)
	if err != nil {
		return err
	}
	k.Op = op
	if !sign.IsV3(k.HTTP) && !strings.EqualFold(k.Params["Format"], "JSON") {
		return rpc.Invalid("Format", "this emulator answers JSON only")
	}
	return nil
}

// checkTransport refuses plain http for operations that the vendor's metadata
// lists under https alone.
func (c *Cloud) checkTransport(k *rpc.Call) error {
	if k.Op.HTTPS && !k.Secure {
		return rpc.Refuse(http.StatusNotFound, "InvalidProtocol.NeedSsl", "your request is not over https")
	}
	return nil
}

// checkRegion settles where the call happens. ECS has a parameter for it. Cloud
// Backup has none, the endpoint decides: a Host of the vendor's is believed, on
// an address of our own the common RegionId takes its place, and an address
// without either stands for the endpoint of the world's first region, since
// most clients never send RegionId to Cloud Backup.
func (c *Cloud) checkRegion(k *rpc.Call) error {
	if !k.Op.Regional {
		return nil
	}
	k.Region = k.Params["RegionId"]
	switch m := endpoint.FindStringSubmatch(k.HTTP.Host); {
	case k.Op.Product == "Ecs" && k.Region == "":
		return rpc.Missing("RegionId")
	case k.Op.Product == "Ecs":
	case m != nil:
		k.Region = m[1]
	case k.Region == "":
		k.Region = c.world.Regions[0]
	}
	if !c.world.HasRegion(k.Region) {
		return rpc.Refuse(http.StatusNotFound, "InvalidRegion.NotFound", "the region %q does not exist", k.Region)
	}
	return nil
}

// authorize asks the caller's policies.
func (c *Cloud) authorize(k *rpc.Call) error {
	if k.Op.Permission == "" {
		return nil
	}
	return k.Require(k.Op.Permission, k.Resource())
}

// findOperation tells an operation that exists nowhere from one that exists in
// another version.
func findOperation(action, version string) (api.Operation, error) {
	at := slices.IndexFunc(api.Operations, func(op api.Operation) bool { return op.Action == action && op.Version == version })
	if at >= 0 {
		return api.Operations[at], nil
	}
	if slices.ContainsFunc(api.Operations, func(op api.Operation) bool { return op.Action == action }) {
		return api.Operation{}, rpc.Refuse(http.StatusBadRequest, "InvalidVersion", "the version %q of %s does not exist", version, action)
	}
	return api.Operation{}, rpc.Refuse(http.StatusNotFound, "InvalidApi.NotFound", "the api %q is not found", action)
}
