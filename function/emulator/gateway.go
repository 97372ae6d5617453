package emulator

import (
	"net/http"
	"regexp"
	"strings"
)

// endpoint matches the vendor's regional hosts; the region is its first group.
var endpoint = regexp.MustCompile(`^(?:hbr|sts|ecs)(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com(?::\d+)?$`)

// checkOperation finds the operation by Action and Version. The gateway's
// default format is XML, which this emulator does not write.
func (c *Cloud) checkOperation(k *call) error {
	if k.isACS3() {
		return refuse(http.StatusBadRequest, "InvalidSignatureMethod", "this emulator verifies HMAC-SHA1 of version 1.0 only")
	}
	op, err := findOperation(k.params["Action"], k.params["Version"])
	if err != nil {
		return err
	}
	k.op = op
	if !strings.EqualFold(k.params["Format"], "JSON") {
		return invalid("Format", "this emulator answers JSON only")
	}
	return nil
}

// checkTransport refuses plain http for operations that the vendor's metadata
// lists under https alone.
func (c *Cloud) checkTransport(k *call) error {
	if k.op.https && c.requireTLS && k.http.TLS == nil {
		return refuse(http.StatusNotFound, "InvalidProtocol.NeedSsl", "your request is not over https")
	}
	return nil
}

// checkRegion settles where the call happens. Cloud Backup has no region
// parameter: the endpoint decides. A Host of the vendor's is believed; on an
// address of our own the common RegionId takes its place.
func (c *Cloud) checkRegion(k *call) error {
	if !k.op.regional {
		return nil
	}
	k.region = k.params["RegionId"]
	if m := endpoint.FindStringSubmatch(k.http.Host); m != nil {
		k.region = m[1]
	}
	if k.region == "" {
		return missing("RegionId")
	}
	if !c.world.hasRegion(k.region) {
		return refuse(http.StatusNotFound, "InvalidRegion.NotFound", "the region %q does not exist", k.region)
	}
	return nil
}

// authorize asks the caller's policies. Cloud Backup authorises per operation,
// never per resource, so only statements about "*" count.
func (c *Cloud) authorize(k *call) error {
	if k.op.permission == "" || k.caller.may(k.op.permission, "*") {
		return nil
	}
	return noPermission(k.caller, k.op.permission)
}
