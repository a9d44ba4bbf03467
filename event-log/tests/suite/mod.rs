//! The behaviour that every implementation of the log promises, as tests over a [`Fixture`].

pub(crate) mod groups;
pub(crate) mod reading;
pub(crate) mod steps;
mod tools;

use std::sync::Arc;

use backstitch_event_log::EventLog;

/// An implementation under test.
pub(crate) trait Fixture: Sized {
    /// Whether a superseded record is gone as soon as the next step is acknowledged.
    const COMPACTS_AT_ONCE: bool;

    /// A log of its own for one test, just created.
    fn create() -> impl Future<Output = Self>;

    /// The log.
    fn log(&self) -> Arc<dyn EventLog>;

    /// The same log, closed and opened again.
    fn reopen(self) -> impl Future<Output = Self>;
}

/// Declares all tests of the suite for a fixture.
#[macro_export]
macro_rules! suite {
    ($fixture:ident) => {
        suite!($fixture: reading {
            records_are_read_in_the_order_in_which_they_were_appended,
            every_internal_topic_begins_with_the_header_of_the_log,
            every_byte_comes_back,
            headers_come_back_in_order,
            a_record_of_ten_megabytes_comes_back,
            only_the_latest_record_of_a_key_counts,
            next_until_end_stops_where_the_log_ended,
            next_until_end_of_an_empty_topic_is_empty,
            a_waiting_reader_is_woken_by_an_append,
            a_reader_begins_where_it_is_told,
            a_reader_that_is_cancelled_loses_nothing,
            a_batch_keeps_its_limits,
            the_end_is_after_the_last_committed_record,
            whoever_has_read_the_last_record_is_at_the_end,
            a_position_beyond_the_end_is_out_of_range,
        });
        suite!($fixture: steps {
            what_was_acknowledged_is_there_after_reopening,
            offsets_go_on_after_reopening,
            a_step_may_span_topics_and_partitions,
            records_and_positions_advance_together,
            a_step_without_records_moves_the_positions,
            taking_a_writers_name_fences_its_predecessor,
            a_fenced_step_leaves_neither_records_nor_positions,
            names_of_other_writers_are_not_fenced,
            a_record_that_is_too_large_is_rejected_by_its_index,
        });
        suite!($fixture: groups {
            a_group_without_positions_starts_at_the_beginning,
            a_group_goes_on_where_its_last_step_ended,
            a_rewound_member_gets_what_it_did_not_advance_past,
            groups_do_not_know_each_other,
            a_member_that_lost_its_partitions_is_fenced,
            a_group_beyond_the_end_is_told_so,
            a_member_collects_while_it_may_linger,
        });
    };
    ($fixture:ident: $module:ident { $($name:ident),* $(,)? }) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let fixture = <super::$fixture as $crate::suite::Fixture>::create().await;
                    $crate::suite::$module::$name(fixture).await;
                }
            )*
        }
    };
}
