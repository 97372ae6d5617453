package backup

import (
	"context"
	"time"

	"backupportal/function/identity"
)

// Follow returns the submission once its state is final, and after so long at
// the latest, as it is then. If ctx ends the wait ends, which is no error. Errors
// are those of [Service.Refresh], of the first look; later ones end the wait.
func (s *Service) Follow(ctx context.Context, p identity.Principal, id string, long time.Duration) (Record, error) {
	if long > 0 {
		// The cloud must not make the last look longer than the wait.
		limited, cancel := context.WithTimeout(ctx, long+time.Second)
		defer cancel()
		ctx = limited
	}
	end := s.Now().Add(long)
	r, err := s.Refresh(ctx, p, id)
	for err == nil {
		now := s.Now()
		left := end.Sub(now)
		if left <= 0 || !r.State(now).Lives() {
			break
		}
		if s.Wait(ctx, min(left, followPace)) != nil {
			break
		}
		next, err := s.Refresh(ctx, p, id)
		if err != nil {
			break // what was known a moment ago is still an answer
		}
		r = next
	}
	return r, err
}

// followPace is how often one who waits for the end of a job looks into the
// store. How often the cloud is asked does not depend on it.
const followPace = 2 * time.Second
