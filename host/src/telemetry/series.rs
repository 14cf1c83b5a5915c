//! Metrics by their labels. `Family` of prometheus-client is the same, but can let go of a series only
//! by all of its labels, and does not tell which it has.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

/// All series of one name. Clones are the same ones.
#[derive(Debug)]
pub(super) struct Series<L, M> {
    all: Arc<RwLock<HashMap<L, M>>>,
    new: fn() -> M,
}

impl<L: Clone + Eq + Hash, M: Clone> Series<L, M> {
    /// Whose metrics begin as this says.
    pub(super) fn new(new: fn() -> M) -> Self {
        Self { all: Arc::default(), new }
    }

    /// The metric with these labels, which begins if there is none.
    pub(super) fn get(&self, labels: &L) -> M {
        if let Some(metric) = self.all.read().unwrap_or_else(PoisonError::into_inner).get(labels) {
            return metric.clone();
        }
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(labels.clone()).or_insert_with(self.new).clone()
    }

    /// Lets go of the others.
    pub(super) fn retain(&self, is_kept: impl Fn(&L) -> bool) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|labels, _| is_kept(labels));
    }
}

impl<L: Clone + Eq + Hash, M: Clone + Default> Default for Series<L, M> {
    fn default() -> Self {
        Self::new(M::default)
    }
}

impl<L, M> Clone for Series<L, M> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), new: self.new }
    }
}

impl<L, M: TypedMetric> TypedMetric for Series<L, M> {
    const TYPE: MetricType = M::TYPE;
}

impl<L: EncodeLabelSet, M: EncodeMetric + TypedMetric> EncodeMetric for Series<L, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().try_for_each(|(labels, metric)| metric.encode(encoder.encode_family(labels)?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.all.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
