package aliyun

import (
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
)

// A jobPage is one page of an answer. Fields that the portal does not show are
// not read; the API page has them all.
type jobPage struct {
	TotalCount *whole
	BackupJobs struct{ BackupJob []jobItem }
}

// silent reports whether the page says nothing about jobs: an answer that has
// no list, or an empty one where it counts some, is no proof of anything.
func (p jobPage) silent(number int) bool {
	none := p.BackupJobs.BackupJob == nil && (p.TotalCount == nil || *p.TotalCount != 0)
	return none || number == 1 && len(p.BackupJobs.BackupJob) == 0 && p.total() > 0
}

func (p jobPage) total() int64 {
	if p.TotalCount == nil {
		return 0
	}
	return int64(*p.TotalCount)
}

// last reports whether nothing comes after the page. TotalCount alone is not
// believed: a job that is missed would be made again.
func (p jobPage) last(number int) bool {
	n := len(p.BackupJobs.BackupJob)
	return n == 0 || n < pageSize && p.total() <= int64((number-1)*pageSize+n)
}

// A jobItem is one job in the words of the API. Times are UNIX seconds.
type jobItem struct {
	JobId, JobName, SourceType, InstanceId, Status, ErrorMessage string
	Progress, BytesTotal, BytesDone, Speed                       whole
	CreatedTime, StartTime, CompleteTime, UpdatedTime            whole
	Detail                                                       struct {
		DestinationNativeSnapshotStatus, DestinationNativeSnapshotErrorMessage string
		DestinationNativeSnapshotProgress                                      whole
	}
}

// longestWord is how much of an id or a status is kept, in bytes.
const longestWord = 128

func (i jobItem) job() backup.Job {
	word := func(s string) string { return backup.Clean(s, longestWord) }
	return backup.Job{
		JobID: word(i.JobId), JobName: word(i.JobName), InstanceID: word(i.InstanceId),
		SourceType: backup.SourceType(word(i.SourceType)), Status: backup.JobState(word(i.Status)),
		ErrorMessage: backup.Clean(i.ErrorMessage, longestMessage),
		Progress:     int(min(max(i.Progress, 0), 10_000)),
		BytesTotal:   int64(i.BytesTotal), BytesDone: int64(i.BytesDone), Speed: int64(i.Speed),
		CreatedTime: i.CreatedTime.time(), StartTime: i.StartTime.time(),
		CompleteTime: i.CompleteTime.time(), UpdatedTime: i.UpdatedTime.time(),
		CopyStatus:   word(i.Detail.DestinationNativeSnapshotStatus),
		CopyError:    backup.Clean(i.Detail.DestinationNativeSnapshotErrorMessage, longestMessage),
		CopyProgress: int(min(max(i.Detail.DestinationNativeSnapshotProgress, 0), 100)),
	}
}

// whole is a whole number. The API gives them as numbers or as text; what is
// neither is 0, since no number is worth losing a list for.
type whole int64

// UnmarshalJSON reads a number or a text with one in it.
func (w *whole) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	if err != nil {
		n = 0
	}
	*w = whole(n)
	return nil
}

// time is the moment that many seconds after 1970, and zero for 0.
func (w whole) time() time.Time {
	if w <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(w), 0)
}
