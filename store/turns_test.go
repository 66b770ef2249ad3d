package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"gorm.io/gorm"
)

// Whoever asked first writes first, and who gives up meanwhile holds nobody up.
func TestWritesTakeTurnsInTheOrderInWhichTheyAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer := newTurns()
		ok(t, writer.take(t.Context()))
		gaveUp, giveUp := context.WithCancel(t.Context())
		const many = 200
		var served []int
		for i := range many {
			go func() {
				if i%10 == 3 {
					isError(t, writer.take(gaveUp), context.Canceled)
					return
				}
				ok(t, writer.take(t.Context()))
				served = append(served, i)
				writer.giveBack()
			}()
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		writer.giveBack()
		synctest.Wait()
		if len(served) != many*9/10 || !slices.IsSorted(served) {
			t.Errorf("served in the order %v", served)
		}
	})
}

// What fails gives its turn back as well.
func TestAWriteThatFailsLetsTheNextWrite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		wrong := errors.New("wrong")
		isError(t, s.transaction(t.Context(), func(*gorm.DB) error { return wrong }), wrong)
		func() {
			defer func() { _ = recover() }()
			_ = s.transaction(t.Context(), func(*gorm.DB) error { panic("wrong") })
		}()
		ended, end := context.WithCancel(t.Context())
		end()
		isError(t, s.transaction(ended, func(*gorm.DB) error { return nil }), context.Canceled)
		anOrganization(t, s, "acme")
	})
}
