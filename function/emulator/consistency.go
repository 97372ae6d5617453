package emulator

// A consistency is what a recovery point of an instance is worth: its
// ConsistentLevel, and why that is less than was asked for.
type consistency struct {
	level, downgrade string
}

// Words of ConsistentLevel and DowngradeReason ("DescribeUdmSnapshots"). The pages
// show CRASH and HBR.NoRamRoleBound only; the others are guesses in their style.
const (
	crashConsistent = "CRASH"
	fileConsistent  = "FILE_SYSTEM"
	appConsistent   = "APPLICATION"

	noRAMRole  = "HBR.NoRamRoleBound"
	noScript   = "HBR.ScriptNotConfigured"
	notESSD    = "HBR.DiskCategoryNotSupported"
	notRunning = "HBR.InstanceNotRunning"
)

// consistencyOf judges what an instance allows. Nobody is told before the job
// has ended: Cloud Backup takes the request and downgrades silently.
func consistencyOf(d detail, i *Instance) consistency {
	if !d.appConsistent {
		return consistency{level: crashConsistent}
	}
	switch {
	case i.RAMRole == "":
		return consistency{crashConsistent, noRAMRole}
	case !allESSD(i):
		return consistency{crashConsistent, notESSD}
	case i.Status != "Running": // nothing runs that could be quiesced
		return consistency{crashConsistent, notRunning}
	case i.OS == "linux" && (d.preScript == "" || d.postScript == ""):
		return consistency{crashConsistent, noScript}
	case !d.writers: // asked for, so no downgrade
		return consistency{level: fileConsistent}
	}
	return consistency{level: appConsistent}
}
