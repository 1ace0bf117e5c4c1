// SPDX-License-Identifier: Apache-2.0

package sandwich

import (
	"context"
	"encoding/json"
	"fmt"
)

// counted is what the named counters of a firewall's rules say, in packets.
type counted struct{ opened, refused int }

// counters reads those of all firewalls.
func (s *scene) counters(ctx context.Context) (map[string]counted, error) {
	all := map[string]counted{}
	for _, firewall := range firewalls() {
		out, err := s.Run(ctx, firewall, "nft", "-j", "list", "counters", "table", "inet", "firewall")
		if err != nil {
			return nil, err
		}
		var listed struct {
			Objects []struct {
				Counter *struct {
					Name    string `json:"name"`
					Packets int    `json:"packets"`
				} `json:"counter"`
			} `json:"nftables"`
		}
		if err := json.Unmarshal([]byte(out), &listed); err != nil {
			return nil, fmt.Errorf("read the counters of %s: %w", firewall, err)
		}
		packets := map[string]int{}
		for _, object := range listed.Objects {
			if object.Counter != nil {
				packets[object.Counter.Name] = object.Counter.Packets
			}
		}
		all[firewall] = counted{opened: packets["opened"], refused: packets["refused"]}
	}
	return all, nil
}
