// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// became says whether the condition has the reason now and had another one before.
func became(before, after []metav1.Condition, conditionType, reason string) bool {
	now := meta.FindStatusCondition(after, conditionType)
	if now == nil || now.Reason != reason {
		return false
	}
	was := meta.FindStatusCondition(before, conditionType)
	return was == nil || was.Reason != reason
}

// fell says whether the condition is False with the reason now and was True before.
func fell(before, after []metav1.Condition, conditionType, reason string) bool {
	now := meta.FindStatusCondition(after, conditionType)
	return now != nil && now.Status == metav1.ConditionFalse && now.Reason == reason &&
		meta.IsStatusConditionTrue(before, conditionType)
}

func messageOf(conditions []metav1.Condition, conditionType string) string {
	if c := meta.FindStatusCondition(conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}
