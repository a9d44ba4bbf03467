//! Letting go of a consumer without holding up the runtime.

use std::ops::Deref;

use rdkafka::consumer::{ConsumerContext, DefaultConsumerContext, StreamConsumer};
use tokio::runtime::Handle;

/// A consumer that is closed on a thread that may block: it says goodbye to its group first.
pub(super) struct Closing<C: ConsumerContext + 'static = DefaultConsumerContext>(Option<StreamConsumer<C>>);

impl<C: ConsumerContext + 'static> Closing<C> {
    pub(super) fn new(consumer: StreamConsumer<C>) -> Self {
        Self(Some(consumer))
    }
}

impl<C: ConsumerContext + 'static> Deref for Closing<C> {
    type Target = StreamConsumer<C>;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<C: ConsumerContext + 'static> Drop for Closing<C> {
    fn drop(&mut self) {
        let consumer = self.0.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(consumer));
        }
    }
}
