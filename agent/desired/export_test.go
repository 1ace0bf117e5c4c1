// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"
	"slices"
)

// Services are all services in no order.
func (s *Store) Services() []*Service { return slices.Collect(maps.Values(s.placed)) }
