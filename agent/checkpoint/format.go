// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// Keys of the journal's records: the node has one, and each service one by its identity in the kernel, one for its drains and one for how it
// stands.
const (
	nodeKey        = "node"
	servicePrefix  = "service "
	drainPrefix    = "drain "
	standingPrefix = "standing "
)

// nodeRecord is a Node as JSON. Passwords is a plain map because desired.Passwords hides its texts.
type nodeRecord struct {
	Node      desired.Node      `json:"node"`
	Passwords map[string]string `json:"passwords,omitempty"`
	Found     map[string]string `json:"found,omitempty"`
	Started   []ipvs.Daemon     `json:"started,omitempty"`
	Owned     ipvs.Ownership    `json:"owned,omitzero"`
}

// drainRecord is the drains of one service as JSON.
type drainRecord struct {
	Service ipvs.ServiceKey              `json:"service"`
	Until   map[netip.AddrPort]time.Time `json:"until"`
}

// standingRecord is how one service stands, as JSON.
type standingRecord struct {
	Service  ipvs.ServiceKey `json:"service"`
	Standing serving.Memory  `json:"standing"`
}

func encodeNode(n Node) ([]byte, error) {
	return json.Marshal(nodeRecord{Node: n.Node, Passwords: n.Node.Passwords(), Found: n.Found, Started: n.Started, Owned: n.Owned})
}

// decode adds a record to the checkpoint.
func (c *Checkpoint) decode(key string, value []byte) error {
	switch {
	case key == nodeKey:
		var record nodeRecord
		if err := json.Unmarshal(value, &record); err != nil {
			return err
		}
		node, err := record.Node.WithPasswords(record.Passwords)
		c.Node = Node{Node: node, Found: record.Found, Started: record.Started, Owned: record.Owned}
		return err
	case strings.HasPrefix(key, servicePrefix):
		service := &desired.Service{}
		if err := json.Unmarshal(value, service); err != nil {
			return err
		}
		c.Services = append(c.Services, service)
		return nil
	case strings.HasPrefix(key, drainPrefix):
		var record drainRecord
		if err := json.Unmarshal(value, &record); err != nil {
			return err
		}
		c.Drains[record.Service] = record.Until
		return nil
	case strings.HasPrefix(key, standingPrefix):
		var record standingRecord
		if err := json.Unmarshal(value, &record); err != nil {
			return err
		}
		c.Standings[record.Service] = record.Standing
		return nil
	default:
		return fmt.Errorf("unknown record %q", key)
	}
}
