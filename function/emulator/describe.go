package emulator

import "slices"

// listedTypes are the values of DescribeBackupJobs2's SourceType. CONTAINER is
// not among them: such jobs are found by their id, without SourceType.
var listedTypes = []string{"ECS_FILE", "OSS", "NAS", "OTS", "UDM_ECS", "UDM_ECS_DISK", "COMMON_NAS", "File", "SYNC"}

// jobsAnswer is the reply of DescribeBackupJobs2. TotalCount counts what passes
// the filters, on all pages.
type jobsAnswer struct {
	envelope
	PageNumber, PageSize, TotalCount int64
	BackupJobs                       struct{ BackupJob []jobView }
}

// describeBackupJobs2 is HBR DescribeBackupJobs2: the jobs of the caller's
// account in this region, newest first unless asked otherwise.
func (c *Cloud) describeBackupJobs2(k *call) (any, error) {
	p := k.params
	if err := checkOneOf(p, "SourceType", listedTypes...); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "SortDirection", "ASCEND", "DESCEND"); err != nil {
		return nil, err
	}
	if err := checkOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
		return nil, err
	}
	number, size, err := parsePage(p)
	if err != nil {
		return nil, err
	}
	filters, err := parseFilters(p)
	if err != nil {
		return nil, err
	}
	ans := jobsAnswer{envelope: success(k), PageNumber: number, PageSize: size}
	views := c.list(k, filters)
	if p["SortDirection"] == "ASCEND" {
		slices.Reverse(views)
	}
	ans.TotalCount = int64(len(views))
	ans.BackupJobs.BackupJob = page(views, number, size)
	return ans, nil
}

// list returns what passes the filters, newest first.
func (c *Cloud) list(k *call, filters []filter) []jobView {
	var views []jobView
	for _, j := range c.jobs.of(k.caller.account.ID, k.region) {
		v := newJobView(j, k.at)
		if kind := k.params["SourceType"]; kind != "" && kind != v.SourceType {
			continue
		}
		if passes(filters, v, k.region) {
			views = append(views, v)
		}
	}
	return views
}

// parsePage has the limits of the page; the metadata allows a size of 100 as well.
func parsePage(p params) (number, size int64, err error) {
	number, size = 1, 10
	if text := p["PageNumber"]; text != "" {
		n, ok := decimal(text)
		if !ok || n < 1 || n > 1<<31-1 {
			return 0, 0, invalid("PageNumber", "%q is not a number from 1", text)
		}
		number = n
	}
	if text := p["PageSize"]; text != "" {
		n, ok := decimal(text)
		if !ok || n < 1 || n > 99 {
			return 0, 0, invalid("PageSize", "%q is not a number from 1 to 99", text)
		}
		size = n
	}
	return number, size, nil
}

// page cuts one page out; beyond the last one it is empty, not absent.
func page(views []jobView, number, size int64) []jobView {
	from := min((number-1)*size, int64(len(views)))
	to := min(from+size, int64(len(views)))
	return append([]jobView{}, views[from:to]...)
}
