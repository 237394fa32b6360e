"""Bayesian forecasts of the durability of agreements between states."""
