package checks

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func TestExpiryDateFollowsRetention(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open("/backups/new/UDM_ECS?Retention=1")
	const line = `[data-kept="f-Retention"]`
	before := b.text(line)
	b.fill([]answer{{name: "Retention", value: "1,000"}})
	if after := b.text(line); before == "" || after == "" || after == before {
		t.Errorf("1 day is “%s”, 1,000 days are “%s”", before, after)
	}
	b.press("x")
	if after := b.text(line); after != "" {
		t.Errorf("what is no number of days is “%s”", after)
	}
}

// TestPortalOutOfReach proves that a page that follows a job says when the portal is
// unreachable, and continues by itself when the portal is reachable again.
func TestPortalOutOfReach(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.fine = append(b.fine, "ERR_INTERNET_DISCONNECTED")
	showRunning(b)
	b.offline(true)
	b.wait(`document.querySelector("#away").checkVisibility()`, atLast)
	b.offline(false)
	b.wait(`!document.querySelector("#away").checkVisibility() && document.querySelector("#live").dataset.state === "COMPLETE"`, atLast)
}

// offline disconnects the tab from the network if yes is true, and reconnects it otherwise.
func (b *tab) offline(yes bool) {
	b.Helper()
	rules := []*network.Conditions{} // an empty list restores the network
	if yes {
		rules = append(rules, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: rules,
		})
		return err
	}))
}
