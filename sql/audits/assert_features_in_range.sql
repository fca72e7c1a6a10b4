-- audit: assert_features_in_range
-- grain: one row per enterprise with a share or an index outside 0..1, or a spread or a distance in time below 0
-- inputs: features.feat_enterprise
-- parameters: portfolio, as_of_date
select f.enterprise_id
from wh.features.feat_enterprise as f
where
    f.portfolio = $portfolio
    and f.as_of_date = cast($as_of_date as date)
    and (
        f.tx_void_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_void_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_refund_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_refund_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_pay_late_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_pay_late_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_pay_overdue_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_pay_overdue_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_collect_late_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_collect_late_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_collect_overdue_share_90d not between -1e-9 and 1 + 1e-9
        or f.tx_collect_overdue_share_365d not between -1e-9 and 1 + 1e-9
        or f.supplier_hhi_90d not between -1e-9 and 1 + 1e-9
        or f.supplier_hhi_365d not between -1e-9 and 1 + 1e-9
        or f.purchase_hhi_90d not between -1e-9 and 1 + 1e-9
        or f.purchase_hhi_365d not between -1e-9 and 1 + 1e-9
        or f.customer_hhi_90d not between -1e-9 and 1 + 1e-9
        or f.customer_hhi_365d not between -1e-9 and 1 + 1e-9
        or f.supplier_top_share_90d not between -1e-9 and 1 + 1e-9
        or f.supplier_top_share_365d not between -1e-9 and 1 + 1e-9
        or f.purchase_top_share_90d not between -1e-9 and 1 + 1e-9
        or f.purchase_top_share_365d not between -1e-9 and 1 + 1e-9
        or f.customer_top_share_90d not between -1e-9 and 1 + 1e-9
        or f.customer_top_share_365d not between -1e-9 and 1 + 1e-9
        or f.counterparty_churn_90d not between -1e-9 and 1 + 1e-9
        or f.counterparty_churn_365d not between -1e-9 and 1 + 1e-9
        or f.counterparty_new_share_90d not between -1e-9 and 1 + 1e-9
        or f.counterparty_new_share_365d not between -1e-9 and 1 + 1e-9
        or f.customer_churn_90d not between -1e-9 and 1 + 1e-9
        or f.customer_churn_365d not between -1e-9 and 1 + 1e-9
        or f.customer_new_share_90d not between -1e-9 and 1 + 1e-9
        or f.customer_new_share_365d not between -1e-9 and 1 + 1e-9
        or f.supplier_churn_90d not between -1e-9 and 1 + 1e-9
        or f.supplier_churn_365d not between -1e-9 and 1 + 1e-9
        or f.supplier_new_share_90d not between -1e-9 and 1 + 1e-9
        or f.supplier_new_share_365d not between -1e-9 and 1 + 1e-9
        or f.delivery_late_share_90d not between -1e-9 and 1 + 1e-9
        or f.delivery_late_share_365d not between -1e-9 and 1 + 1e-9
        or f.order_open_share_90d not between -1e-9 and 1 + 1e-9
        or f.order_open_share_365d not between -1e-9 and 1 + 1e-9
        or f.payment_late_share_90d not between -1e-9 and 1 + 1e-9
        or f.payment_late_share_365d not between -1e-9 and 1 + 1e-9
        or f.payment_hhi_90d not between -1e-9 and 1 + 1e-9
        or f.payment_hhi_365d not between -1e-9 and 1 + 1e-9
        or f.payment_top_share_90d not between -1e-9 and 1 + 1e-9
        or f.payment_top_share_365d not between -1e-9 and 1 + 1e-9
        or f.order_hhi_90d not between -1e-9 and 1 + 1e-9
        or f.order_hhi_365d not between -1e-9 and 1 + 1e-9
        or f.order_top_share_90d not between -1e-9 and 1 + 1e-9
        or f.order_top_share_365d not between -1e-9 and 1 + 1e-9
        or f.tx_amount_std_90d < 0
        or f.tx_amount_std_365d < 0
        or f.tx_gap_std_90d < 0
        or f.tx_gap_std_365d < 0
        or f.tx_pay_delay_std_90d < 0
        or f.tx_pay_delay_std_365d < 0
        or f.tx_collect_delay_std_90d < 0
        or f.tx_collect_delay_std_365d < 0
        or f.tx_days_since_last < 0
        or f.tx_sale_days_since_last < 0
        or f.tx_purchase_days_since_last < 0
        or f.event_gap_std_90d < 0
        or f.event_gap_std_365d < 0
        or f.login_gap_std_90d < 0
        or f.login_gap_std_365d < 0
        or f.supplier_latency_std_90d < 0
        or f.supplier_latency_std_365d < 0
        or f.payment_delay_std_90d < 0
        or f.payment_delay_std_365d < 0
        or f.turnover_std_90d < 0
        or f.turnover_std_365d < 0
        or f.event_days_since_last < 0
        or f.login_days_since_last < 0
        or f.stock_count_days_since_last < 0
    )
